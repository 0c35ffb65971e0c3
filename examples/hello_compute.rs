//! `y = a * x + y` over a million floats, by a shader of one's own, awaited.

use bytemuck::{Pod, Zeroable};
use vulkio::{Gpu, GpuData, GpuOptions};

/// As in shaders/saxpy.comp, which is compared with it.
#[derive(Clone, Copy, GpuData, Pod, Zeroable)]
#[role(storage)]
#[repr(C)]
struct Saxpy {
    x: u64,
    y: u64,
    a: f32,
    n: u32,
}

#[tokio::main]
async fn main() -> vulkio::Result<()> {
    let gpu = Gpu::open(GpuOptions::default()).await?;
    let saxpy = gpu.kernel("saxpy", include_bytes!("../shaders/spv/saxpy.comp.spv")).await?;

    let n = 1 << 20;
    let (x, y) = (gpu.buffer("x", n)?, gpu.buffer("y", n)?);
    gpu.upload(&x, 0, (0..n).map(|i| i as f32).collect::<Vec<_>>()).await?;
    gpu.upload(&y, 0, vec![1.0; n]).await?;

    let push = Saxpy { x: x.address(), y: y.address(), a: 2.0, n: n as u32 };
    saxpy.over(&push, [push.n, 1, 1]).reads(&x).writes(&y).await?; // done on the GPU

    let result = gpu.read(&y, 0..n).await?;
    let right = result.iter().enumerate().all(|(i, &y)| y == 2.0 * i as f32 + 1.0);
    println!("{}: {n} results, {}", gpu.info().name, if right { "all right" } else { "WRONG" });
    assert!(right, "y = 2 x + 1 for every element");
    gpu.close().await
}
