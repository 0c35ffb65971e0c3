//! Reading back.

use std::{hint::black_box, sync::Arc, time::Instant};

use vulkio::{Gpu, GpuOptions};

use super::{
    super::{
        Result,
        pairs::{Pairs, quantile},
    },
    Scale,
    hand::{HandBuffer, HandCopies, Place},
    micros, pattern, rate, table,
};

/// By a device that has read nothing yet, so has no memory for it.
async fn first_read(data: &Arc<Vec<u8>>) -> Result {
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    let buffer = gpu.buffer::<u8>("bench source", data.len())?;
    gpu.upload(&buffer, 0, Arc::clone(data)).await?.await?;
    let start = Instant::now();
    let first = gpu.read(&buffer, ..).await?;
    println!("  the first read, which makes its memory: {:.2} GB/s", rate(data.len(), micros(start)));
    assert!(first[..] == data[..], "what was read is what was uploaded");
    drop((buffer, first));
    gpu.close().await?;
    Ok(())
}

/// Against one copy by hand into cached host memory.
pub(crate) async fn read_back(gpu: &Gpu, scale: Scale) -> Result {
    let Scale { bytes, limits } = scale;
    let data = Arc::new(pattern(5, bytes));
    let buffer = gpu.buffer::<u8>("bench source", bytes)?;
    gpu.upload(&buffer, 0, Arc::clone(&data)).await?.await?;

    first_read(&data).await?;
    let mut copies = HandCopies::new(gpu)?;
    let from = HandBuffer::new(gpu, Place::Device, bytes)?;
    let to = HandBuffer::new(gpu, Place::Cached, bytes)?;
    let mut pairs = Pairs::new(limits);
    let mut to_vec = Vec::new();
    while pairs.more() {
        let hand = rate(bytes, copies.copy(&from, &to)?);
        let start = Instant::now();
        let read = gpu.read(&buffer, 0..bytes).await?;
        pairs.push([hand], [rate(bytes, micros(start))]);
        let start = Instant::now();
        black_box(read.to_vec());
        to_vec.push(rate(bytes, micros(start)));
    }
    table::print_rates("one copy into cached host memory", &pairs.summary(0), Some(0.9));
    println!("  `to_vec` of what was read, a memcpy into new memory: {:.2} GB/s", quantile(&to_vec, 0.5));
    Ok(())
}
