#![allow(unused_imports)]

use vulkio::{CpuData, Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};

struct Score(u32);

#[derive(System)]
struct Draw {
    #[writes]
    target: GpuImage<RenderTarget>,
    #[writes]
    score: CpuData<Score>,
}

#[derive(System)]
#[reads(GpuBuffer<u32>)]
#[writes(Score)]
struct Sum;

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
