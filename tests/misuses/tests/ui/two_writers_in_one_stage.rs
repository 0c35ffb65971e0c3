use vulkio::{Encoder, GpuBuffer, Record, Result, Schedule, System};

#[derive(System)]
#[reads(GpuBuffer<u32>)]
struct Look;

#[derive(System)]
#[writes(GpuBuffer<u32>)]
struct Fill;

impl Record for Look {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

impl Record for Fill {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

#[derive(Schedule)]
struct Game {
    #[stage]
    simulate: (Fill, Look),
}

fn main() {}
