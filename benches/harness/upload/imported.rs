//! Uploads from memory of the host's that was imported.

use std::time::Instant;

use vulkio::{Gpu, HostPages};

use super::{
    super::{Result, pairs::Pairs},
    Scale,
    hand::{HandCopies, faster_staging},
    micros, pattern, rate, table,
};

/// Against one copy by hand; what the import takes is reported apart.
pub(crate) async fn from_imported(gpu: &Gpu, scale: Scale) -> Result {
    let Scale { bytes, limits } = scale;
    if !gpu.info().features.external_memory_host {
        println!("  the device imports no host memory");
        return Ok(());
    }
    let data = pattern(4, bytes);
    let mut pages = HostPages::<u8>::new(bytes)?;
    pages.copy_from_slice(&data);
    let start = Instant::now();
    let imported = gpu.import(pages).await?;
    println!("  importing {} MiB that are written: {:.2} ms", bytes >> 20, micros(start) / 1e3);

    let mut copies = HandCopies::new(gpu)?;
    let (place, from) = faster_staging(gpu, &mut copies, bytes)?;
    let mut pairs = Pairs::new(limits);
    let mut last = None;
    while pairs.more() {
        let hand = rate(bytes, copies.copy_to_new(gpu, &from)?);
        let buffer = gpu.buffer::<u8>("fresh target", bytes)?;
        let start = Instant::now();
        gpu.upload(&buffer, 0, imported.clone()).await?.await?;
        pairs.push([hand], [rate(bytes, micros(start))]);
        last = Some(buffer);
    }
    table::print_rates(&format!("to a new buffer: one copy from {}", place.name()), &pairs.summary(0), Some(0.9));
    if let Some(buffer) = last {
        assert!(gpu.read(&buffer, 0..bytes).await?[..] == data[..], "what was imported arrived");
    }
    Ok(())
}
