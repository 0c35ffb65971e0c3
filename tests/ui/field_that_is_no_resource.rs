use vulkio::{Encoder, GpuBuffer, Record, Result, System};

#[derive(System)]
struct Draw {
    #[reads]
    count: Vec<u32>,
    #[writes]
    words: GpuBuffer<u32>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
