use vulkio::{Encoder, GpuBuffer};

async fn fill(cmd: &mut Encoder<'_>, words: &GpuBuffer<u32>) {
    tokio::task::yield_now().await;
    cmd.fill(words, 0..1, 0);
}

fn crosses_threads<F: Future + Send>(_: F) {}

fn record(cmd: &mut Encoder<'_>, words: &GpuBuffer<u32>) {
    crosses_threads(fill(cmd, words));
}

fn main() {}
