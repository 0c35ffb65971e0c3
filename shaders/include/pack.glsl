// Cells and cubes in them, made: the bits are those of src/cells/format.rs. Needs instances.glsl.

const float LAST = 65535.0;
const int SMALLEST_STEP = -60 - 23;

// The power of two that is at most x; -127 for 0.
int exponent(float x) {
    return int(floatBitsToUint(x) >> 23 & 0xffu) - 127;
}

float power_of_two(int power) {
    return uintBitsToFloat(uint(power + 127) << 23);
}

// Of a power of two: exact.
float inverse_of(float power) {
    return uintBitsToFloat((254u << 23) - floatBitsToUint(power));
}

// The number itself; 0 if it is so small that it, or what is made of it, may be taken for 0.
float tamed(float coordinate) {
    return (floatBitsToUint(coordinate) & 0x7fffffffu) < SMALLEST ? 0.0 : coordinate;
}

// From where and in which steps to count from low to high in 16 bits.
void lattice(float low, float high, out float start, out float step_) {
    const int finest = exponent(max(abs(low), abs(high))) - 23;
    int power = max(max(exponent(high - low) - 15, finest), SMALLEST_STEP);
    // The first or second fits; the bound is for whoever loses patience with loops.
    for (int i = 0; i < 4; ++i, ++power) {
        step_ = power_of_two(power);
        start = floor(low * inverse_of(step_)) * step_;
        if (roundEven((high - start) * inverse_of(step_)) <= LAST) {
            break;
        }
    }
}

// A coordinate in steps.
uint steps_to(float coordinate, float start, float step_) {
    return uint(clamp(roundEven((tamed(coordinate) - start) * inverse_of(step_)), 0.0, LAST));
}

// A half edge in steps, less one: the nearest. Division is inexact, so the quotient's neighbours are tried as well.
uint half_edge_steps(float half_edge, float largest) {
    if (half_edge == largest) {
        return 0xffffu;
    }
    const float step_ = largest * (1.0 / 65536.0);
    const float about = roundEven(half_edge / step_) - 1.0;
    float best = clamp(about - 1.0, 0.0, LAST);
    precise float least = abs((best + 1.0) * step_ - half_edge);
    for (float more = 0.0; more <= 1.0; more += 1.0) {
        const float steps = clamp(about + more, 0.0, LAST);
        precise float off = abs((steps + 1.0) * step_ - half_edge);
        if (off <= least) {
            best = steps;
            least = off;
        }
    }
    return uint(best);
}
