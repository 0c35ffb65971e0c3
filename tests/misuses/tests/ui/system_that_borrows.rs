use vulkio::{Encoder, GpuBuffer, Record, Result, System};

#[derive(System)]
struct Fill<'a> {
    #[writes(copy)]
    words: &'a GpuBuffer<u32>,
}

impl Record for Fill<'static> {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
