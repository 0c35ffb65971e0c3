use vulkio::{Encoder, GpuImage, Record, RenderTarget, Result, System};

#[derive(System)]
struct Blur {
    #[reads(sampled)]
    picture: GpuImage<RenderTarget>,
}

impl Record for Blur {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
