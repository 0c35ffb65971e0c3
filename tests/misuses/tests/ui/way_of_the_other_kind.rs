use vulkio::{Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};

type Picture = GpuImage<RenderTarget>;
type Words = GpuBuffer<u32>;

#[derive(System)]
struct Draw {
    #[reads(blit)]
    corners: GpuBuffer<u32>,
    #[writes(concurrent)]
    target: Option<GpuImage<RenderTarget>>,
}

#[derive(System)]
struct DrawAliased {
    #[writes(discard)]
    words: Words,
    #[reads(vertex)]
    picture: Picture,
}

impl Record for DrawAliased {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
