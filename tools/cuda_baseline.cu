// What a CUDA program gets on this device: the cases of `./x bench compute` with CUB, cuBLAS and a kernel of its own, printed as a
// table that `./x bench compute --against=FILE` reads.
//
//   nvcc -O3 -std=c++17 -arch=native tools/cuda_baseline.cu -lcublas -o cuda_baseline
//   ./cuda_baseline > FILE        (--quick: two rounds)
//
// A case is so many operations, one after the other in one stream, between two events; its figure is the median of rounds over
// their number. As in the bench, operation i works on set i % sets of buffers, and the sets take at most 4 GiB together.
// CUB and cuBLAS keep their scratch memory. cuBLAS computes in fp32 throughout (CUBLAS_PEDANTIC_MATH: no TF32).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <cub/cub.cuh>
#include <cublas_v2.h>
#include <cuda_runtime.h>

namespace {

[[noreturn]] void die(const char *call, const char *why) {
    std::fprintf(stderr, "%s: %s\n", call, why);
    std::exit(1);
}

#define CUDA(call)                                                                              \
    do {                                                                                        \
        const cudaError_t status_of_call = (call);                                              \
        if (status_of_call != cudaSuccess) die(#call, cudaGetErrorString(status_of_call));      \
    } while (false)

#define CUBLAS(call)                                                                            \
    do {                                                                                        \
        const cublasStatus_t status_of_call = (call);                                           \
        if (status_of_call != CUBLAS_STATUS_SUCCESS) die(#call, cublasGetStatusString(status_of_call)); \
    } while (false)

constexpr size_t KIB = size_t{1} << 10, MIB = size_t{1} << 20, GIB = size_t{1} << 30;
constexpr size_t SETS_BYTES = 4 * GIB;
constexpr int BATCHES[] = {1, 16, 256};
// Cases of which one round takes longer are left out.
constexpr double LONGEST_MS = 1000.0;

// Device memory, freed with it.
template <typename T> class Buffer {
  public:
    explicit Buffer(size_t count) : count_(count) { CUDA(cudaMalloc(&at_, std::max<size_t>(count, 1) * sizeof(T))); }
    Buffer(Buffer &&other) noexcept : at_(other.at_), count_(other.count_) { other.at_ = nullptr; }
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { cudaFree(at_); }
    T *get() const { return at_; }
    size_t size() const { return count_; }

  private:
    T *at_ = nullptr;
    size_t count_ = 0;
};

// Numbers in [0, 1) that look random: the same as the bench's.
__host__ __device__ inline float value(size_t i, uint32_t seed) {
    uint32_t word = static_cast<uint32_t>(i) * 0x9e3779b9u + seed * 0x85ebca6bu;
    word ^= word >> 15;
    word *= 0x2c1b3c6du;
    word ^= word >> 12;
    return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
}

__global__ void fill_kernel(float *at, size_t count, uint32_t seed) {
    for (size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x; i < count; i += size_t{gridDim.x} * blockDim.x)
        at[i] = value(i, seed);
}

void fill(const Buffer<float> &buffer, uint32_t seed) {
    fill_kernel<<<1024, 256>>>(buffer.get(), buffer.size(), seed);
    CUDA(cudaGetLastError());
}

// y = a x + y, 16 bytes a thread; sizes here are multiples of four.
__global__ void saxpy_kernel(size_t quads, float a, const float4 *__restrict__ x, float4 *__restrict__ y) {
    const size_t i = blockIdx.x * size_t{blockDim.x} + threadIdx.x;
    if (i < quads) {
        const float4 from = x[i];
        float4 to = y[i];
        to.x += a * from.x, to.y += a * from.y, to.z += a * from.z, to.w += a * from.w;
        y[i] = to;
    }
}

float element(const float *at) {
    float result;
    CUDA(cudaMemcpy(&result, at, sizeof result, cudaMemcpyDeviceToHost));
    return result;
}

void check(const std::string &name, double is, double expected, double tolerance) {
    if (!(std::abs(is - expected) <= tolerance * std::max(1.0, std::abs(expected)))) {
        std::fprintf(stderr, "%s: %.9g, and not %.9g\n", name.c_str(), is, expected);
        std::exit(1);
    }
}

class Clock {
  public:
    Clock() {
        CUDA(cudaEventCreate(&begin_));
        CUDA(cudaEventCreate(&end_));
    }
    ~Clock() {
        cudaEventDestroy(begin_);
        cudaEventDestroy(end_);
    }
    // Milliseconds of what `work` puts into the stream.
    double time(const std::function<void()> &work) const {
        CUDA(cudaEventRecord(begin_));
        work();
        CUDA(cudaEventRecord(end_));
        CUDA(cudaEventSynchronize(end_));
        float took = 0.0f;
        CUDA(cudaEventElapsedTime(&took, begin_, end_));
        return took;
    }

  private:
    cudaEvent_t begin_{}, end_{};
};

size_t rounds_least = 5;
double rounds_ms = 300.0;

// The rows of an operation on one size: `work` is what one of them moves (bytes) or computes (operations).
void measure(const std::string &name, double work, double unit, const char *unit_name, size_t sets,
             const std::function<void(size_t)> &one) {
    const Clock clock;
    one(0);
    const double single = clock.time([&] { one(0); });
    for (const int batch : BATCHES) {
        if (single * batch > LONGEST_MS) continue;
        const auto round = [&] {
            for (int i = 0; i < batch; ++i) one(i % sets);
        };
        clock.time(round);
        std::vector<double> times;
        double all = 0.0;
        while (times.size() < rounds_least || (all < rounds_ms && times.size() < 101)) {
            times.push_back(clock.time(round));
            all += times.back();
        }
        std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
        const double micros = times[times.size() / 2] * 1e3 / batch;
        std::printf("%s x%d | %.3f | %.2f | %s\n", name.c_str(), batch, micros, work / (micros * 1e-6) / unit, unit_name);
        std::fflush(stdout);
    }
}

std::string size_name(size_t bytes) {
    if (bytes % GIB == 0) return std::to_string(bytes / GIB) + " GiB";
    if (bytes % MIB == 0) return std::to_string(bytes / MIB) + " MiB";
    return std::to_string(bytes / KIB) + " KiB";
}

// As many buffers as a batch may use, of `each` bytes a set.
size_t sets_of(size_t each) { return std::clamp<size_t>(SETS_BYTES / each, 1, 256); }

std::vector<Buffer<float>> buffers(size_t sets, size_t count, uint32_t seed) {
    std::vector<Buffer<float>> all;
    for (size_t i = 0; i < sets; ++i) {
        all.emplace_back(count);
        fill(all.back(), seed);
    }
    return all;
}

double sum_of(size_t count, uint32_t seed) {
    double sum = 0.0;
    for (size_t i = 0; i < count; ++i) sum += value(i, seed);
    return sum;
}

void saxpy(size_t bytes) {
    const size_t count = bytes / sizeof(float), sets = sets_of(2 * bytes);
    const auto x = buffers(sets, count, 1), y = buffers(sets, count, 2);
    const std::string name = "saxpy " + size_name(bytes);
    const auto one = [&](size_t i) {
        const size_t quads = count / 4;
        const auto *from = reinterpret_cast<const float4 *>(x[i].get());
        saxpy_kernel<<<(quads + 255) / 256, 256>>>(quads, 0.5f, from, reinterpret_cast<float4 *>(y[i].get()));
    };
    one(0);
    CUDA(cudaGetLastError());
    check(name, element(y[0].get() + count - 1), 0.5 * value(count - 1, 1) + value(count - 1, 2), 1e-6);
    measure(name, 3.0 * bytes, 1e9, "GB/s", sets, one);
}

void reduce(size_t bytes) {
    const size_t count = bytes / sizeof(float), sets = sets_of(bytes);
    const auto x = buffers(sets, count, 1);
    const Buffer<float> sum(1);
    size_t scratch_bytes = 0;
    CUDA(cub::DeviceReduce::Sum(nullptr, scratch_bytes, x[0].get(), sum.get(), count));
    const Buffer<unsigned char> scratch(scratch_bytes);
    const std::string name = "reduce " + size_name(bytes);
    const auto one = [&](size_t i) {
        CUDA(cub::DeviceReduce::Sum(scratch.get(), scratch_bytes, x[i].get(), sum.get(), count));
    };
    one(0);
    check(name, element(sum.get()), sum_of(count, 1), 1e-4);
    measure(name, bytes, 1e9, "GB/s", sets, one);
}

void scan(size_t bytes) {
    const size_t count = bytes / sizeof(float), sets = sets_of(2 * bytes);
    const auto x = buffers(sets, count, 1), y = buffers(sets, count, 2);
    size_t scratch_bytes = 0;
    CUDA(cub::DeviceScan::InclusiveSum(nullptr, scratch_bytes, x[0].get(), y[0].get(), count));
    const Buffer<unsigned char> scratch(scratch_bytes);
    const std::string name = "scan " + size_name(bytes);
    const auto one = [&](size_t i) {
        CUDA(cub::DeviceScan::InclusiveSum(scratch.get(), scratch_bytes, x[i].get(), y[i].get(), count));
    };
    one(0);
    check(name, element(y[0].get() + count - 1), sum_of(count, 1), 1e-4);
    measure(name, 2.0 * bytes, 1e9, "GB/s", sets, one);
}

void gemm(cublasHandle_t blas, int side) {
    const size_t count = size_t(side) * side, sets = sets_of(3 * count * sizeof(float));
    const auto a = buffers(sets, count, 1), b = buffers(sets, count, 2), c = buffers(sets, count, 3);
    const std::string name = "gemm " + std::to_string(side);
    // Row-major C = A B is column-major C' = B' A'.
    const auto one = [&](size_t i) {
        const float alpha = 1.0f, beta = 0.0f;
        CUBLAS(cublasSgemm(blas, CUBLAS_OP_N, CUBLAS_OP_N, side, side, side, &alpha, b[i].get(), side, a[i].get(), side,
                           &beta, c[i].get(), side));
    };
    one(0);
    double expected = 0.0;
    for (int k = 0; k < side; ++k)
        expected += double(value(size_t(side - 1) * side + k, 1)) * value(size_t(k) * side + 1, 2);
    check(name, element(c[0].get() + size_t(side - 1) * side + 1), expected, 1e-5);
    measure(name, 2.0 * side * double(side) * side, 1e12, "TFLOP/s", sets, one);
}

} // namespace

int main(int count, char **arguments) {
    if (count > 1 && std::strcmp(arguments[1], "--quick") == 0) rounds_least = 2, rounds_ms = 0.0;
    cudaDeviceProp device{};
    int driver = 0, runtime = 0;
    CUDA(cudaGetDeviceProperties(&device, 0));
    CUDA(cudaDriverGetVersion(&driver));
    CUDA(cudaRuntimeGetVersion(&runtime));
    std::printf("# %s, CUDA runtime %d, driver for %d; tools/cuda_baseline.cu: CUB, cuBLAS fp32, float4 kernel\n",
                device.name, runtime, driver);
    std::printf("# case | microseconds each | rate | unit\n");
    for (const size_t bytes : {64 * KIB, 8 * MIB, 64 * MIB, GIB}) saxpy(bytes);
    for (const size_t bytes : {64 * KIB, 8 * MIB, 64 * MIB, GIB}) reduce(bytes);
    for (const size_t bytes : {64 * KIB, 8 * MIB, 64 * MIB, GIB}) scan(bytes);
    cublasHandle_t blas = nullptr;
    CUBLAS(cublasCreate(&blas));
    CUBLAS(cublasSetMathMode(blas, CUBLAS_PEDANTIC_MATH));
    for (const int side : {128, 1448, 4096, 8192, 16384}) gemm(blas, side);
    CUBLAS(cublasDestroy(blas));
    return 0;
}
