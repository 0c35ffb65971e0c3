use vulkio::{GpuBuffer, System};

#[derive(System)]
enum Draw {
    Scene(GpuBuffer<u32>),
    Sky,
}

#[derive(System)]
union Both {
    one: u32,
    other: f32,
}

fn main() {}
