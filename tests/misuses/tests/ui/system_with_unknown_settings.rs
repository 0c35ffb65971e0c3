use vulkio::{Encoder, GpuBuffer, Record, Result, System};

#[derive(System)]
#[system(queue = "copy")]
struct Fill {
    #[writes(copy)]
    words: GpuBuffer<u32>,
}

#[derive(System)]
#[system(named = "fill")]
struct FillAgain {
    #[writes(copy)]
    words: GpuBuffer<u32>,
}

impl Record for Fill {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
