#![allow(unused_imports)]

use vulkio::{BufferSlice, CpuData, GpuBuffer, GpuImage, RenderTarget, System, Texture};

struct Time(f32);

#[derive(System)]
#[reads(CpuData<Time>, Time as storage, BufferSlice<u32>)]
#[reads(GpuImage<Texture> as index, GpuBuffer<u32>)]
#[writes(GpuBuffer<u32>, GpuImage<RenderTarget> as clear)]
struct Draw;

#[derive(System)]
#[reads(GpuImage<Texture>, GpuImage<Texture>)]
#[writes]
struct Sky;

fn main() {}
