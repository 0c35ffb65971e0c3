use vulkio::{Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};

#[derive(System)]
struct Draw {
    #[writes(index)]
    corners: GpuBuffer<u32>,
    #[reads(clear = [0.0; 4])]
    target: GpuImage<RenderTarget>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
