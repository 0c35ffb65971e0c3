use vulkio::{GpuBuffer, System};

#[derive(System)]
struct Fill {
    #[writes(copy)]
    words: GpuBuffer<u32>,
}

fn main() {}
