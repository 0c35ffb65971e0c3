use vulkio::{CpuData, Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};

#[derive(System)]
struct Draw {
    #[reads]
    #[writes]
    words: GpuBuffer<u32>,
    #[writes(load)]
    #[writes(discard)]
    target: GpuImage<RenderTarget>,
    #[reads(copy)]
    #[ignored]
    other: GpuBuffer<u32>,
}

#[derive(System)]
struct Count {
    #[reads]
    #[writes]
    count: CpuData<u64>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
