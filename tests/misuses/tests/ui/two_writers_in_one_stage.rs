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

#[derive(System)]
#[reads(GpuBuffer<f32>)]
#[writes(GpuBuffer<u32> as copy)]
struct Clear;

impl Record for Clear {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

#[derive(Schedule)]
struct Game {
    #[stage]
    simulate: (Fill, Clear),
}

fn main() {}
