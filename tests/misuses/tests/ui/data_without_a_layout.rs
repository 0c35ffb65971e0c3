use vulkio::GpuData;

#[derive(Clone, Copy, GpuData)]
#[role(storage)]
struct Instance {
    center: [f32; 3],
    size: f32,
}

unsafe impl bytemuck::Zeroable for Instance {}
unsafe impl bytemuck::Pod for Instance {}

fn main() {}
