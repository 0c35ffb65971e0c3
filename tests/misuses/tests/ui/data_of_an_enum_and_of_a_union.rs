use vulkio::GpuData;

#[derive(Clone, Copy, GpuData)]
#[repr(u32)]
#[role(storage)]
enum Material {
    Wood,
    Steel,
}

#[derive(Clone, Copy, GpuData)]
#[repr(C)]
#[role(storage)]
union Word {
    signed: i32,
    unsigned: u32,
}

fn main() {}
