use vulkio::GpuData;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(vertex, storage)]
struct Corner {
    position: [f32; 3],
}

fn main() {}
