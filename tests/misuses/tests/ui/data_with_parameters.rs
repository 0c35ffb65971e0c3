use vulkio::GpuData;

#[derive(Clone, Copy, GpuData)]
#[repr(C)]
#[role(storage)]
struct Pair<T> {
    left: T,
    right: T,
}

fn main() {}
