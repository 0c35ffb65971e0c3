use vulkio::{Encoder, GpuBuffer, Record, Result, System};

#[derive(System)]
struct Sum<T: bytemuck::Pod> {
    #[reads]
    parts: GpuBuffer<T>,
}

impl<T: bytemuck::Pod> Record for Sum<T> {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn main() {}
