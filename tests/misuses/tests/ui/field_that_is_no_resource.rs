use vulkio::{Encoder, GpuBuffer, Record, Result, System};

struct Mesh(GpuBuffer<u32>);

#[derive(System)]
struct Draw {
    #[reads]
    mesh: Mesh,
    #[writes]
    words: GpuBuffer<u32>,
}

impl Record for Draw {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
