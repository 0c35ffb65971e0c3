use vulkio::GpuData;

#[derive(Clone, GpuData)]
#[repr(C)]
#[role(storage)]
struct Instance {
    name: String,
}

fn main() {}
