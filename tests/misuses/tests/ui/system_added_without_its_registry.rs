use vulkio::{Encoder, GpuBuffer, Graph, Record, Result, System};

#[derive(System)]
#[writes(GpuBuffer<u32>)]
struct Fill;

impl Record for Fill {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

fn add(graph: &Graph) {
    graph.add(Fill);
}

fn main() {}
