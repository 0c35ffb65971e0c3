use vulkio::{Depth, Encoder, GpuImage, Record, RenderTarget, Result, System};

#[derive(System)]
struct Sky {
    #[writes(clear)]
    target: GpuImage<RenderTarget>,
}

#[derive(System)]
struct Ground {
    #[writes(clear = [0.0; 4])]
    depth: GpuImage<Depth>,
}

impl Record for Ground {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
