use vulkio::{Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};

#[derive(System)]
#[reads(GpuBuffer<u32>)]
struct Draw {
    #[writes = "load"]
    target: GpuImage<RenderTarget>,
    #[reads(copy, index)]
    words: GpuBuffer<u32>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
