use vulkio::{Encoder, GpuBuffer, Record, Result, System};

#[derive(System)]
struct Draw {
    #[reads(indices)]
    corners: GpuBuffer<u32>,
    #[writes(atomic)]
    count: GpuBuffer<u32>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
