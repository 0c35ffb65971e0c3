use vulkio::GpuData;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
#[repr(C)]
#[role(vertex)]
struct Corner {
    position: [f64; 3],
    color: [u8; 4],
    _padding: u32,
}

fn main() {}
