use vulkio::{CpuData, Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};

#[derive(System)]
struct Draw {
    instances: GpuBuffer<u32>,
    time: CpuData<f32>,
    textures: Vec<GpuImage<vulkio::Texture>>,
    #[writes]
    target: GpuImage<RenderTarget>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
