//! What the tests of uploads share: graphs that fill and read, what may not be read yet, and loads that stop on their way.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    ops::Range,
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use tokio::time::sleep;
use vulkio::{Error, Gpu, GpuBuffer, Graph, Upload};

use crate::common::{soon, until};

pub(crate) const KIB: usize = 1 << 10;
pub(crate) const MIB: usize = 1 << 20;

pub(crate) fn filler(
    gpu: &Gpu,
    buffer: &GpuBuffer<u32>,
    ranges: impl IntoIterator<Item = Range<usize>>,
    value: u32,
) -> Graph {
    let graph = Graph::new(gpu, "filler");
    for range in ranges {
        let own = buffer.clone();
        graph.pass("fill").writes(buffer.slice(range.clone()).copy_target()).record(move |cmd| {
            cmd.fill(&own, range, value);
        });
    }
    graph
}

pub(crate) async fn fill(
    gpu: &Gpu,
    buffer: &GpuBuffer<u32>,
    ranges: impl IntoIterator<Item = Range<usize>>,
    value: u32,
) {
    drop(soon("a fill", filler(gpu, buffer, ranges, value).submit()).await.expect("submitted"));
}

/// Reads `range`, and says of nothing else that it does.
pub(crate) async fn words(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>) -> Result<Vec<u32>, Error> {
    let copy = gpu.buffer::<u32>("copy", range.len())?;
    soon("a submit", reader(gpu, buffer, range, &copy).submit()).await?;
    Ok(soon("a read", gpu.read(&copy, 0..copy.len())).await?.to_vec())
}

fn reader(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>, copy: &GpuBuffer<u32>) -> Graph {
    let graph = Graph::new(gpu, "reader");
    let (from, to) = (buffer.clone(), copy.clone());
    graph.pass("read").reads(buffer.slice(range.clone()).copy_source()).writes(copy.copy_target()).record(move |cmd| {
        cmd.copy(&from, range, &to, 0);
    });
    graph
}

/// A graph that reads `range`, submitted: whether it may.
pub(crate) async fn may_read(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>) -> Result<(), Error> {
    let copy = gpu.buffer::<u32>("copy", range.len())?;
    soon("a submit", reader(gpu, buffer, range, &copy).submit()).await.map(drop)
}

#[track_caller]
pub(crate) fn is_unwritten<T>(what: &str, result: Result<T, Error>) {
    match result {
        Err(Error::Graph(said)) => assert!(said.contains("nothing has written") || said.contains("replaced"), "{said}"),
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what} may be read, before all of it is there"),
    }
}

pub(crate) async fn counters_are_zero(gpu: &Gpu) {
    let idle = || {
        let counters = gpu.counters();
        (counters.staging_bytes, counters.uploads_waiting) == (0, 0)
    };
    until("the counters' way back to zero", idle).await;
}

/// The value that a number settles at.
pub(crate) async fn settled(mut number: impl FnMut() -> u64) -> u64 {
    let mut last = number();
    loop {
        sleep(Duration::from_millis(150)).await;
        let now = number();
        if now == last {
            return now;
        }
        last = now;
    }
}

/// Holds generators at a place until it is opened.
#[derive(Clone, Default)]
pub(crate) struct Dam(Arc<(Mutex<bool>, Condvar)>);

impl Dam {
    pub(crate) fn pass(&self) {
        let open = self.0.0.lock().expect("not poisoned");
        drop(self.0.1.wait_while(open, |open| !*open).expect("not poisoned"));
    }

    pub(crate) fn open(&self) {
        *self.0.0.lock().expect("not poisoned") = true;
        self.0.1.notify_all();
    }
}

impl Drop for Dam {
    fn drop(&mut self) {
        if thread::panicking() {
            self.open();
        }
    }
}

/// A load of the whole buffer, element i being i, that stops at element `at` until the dam opens.
pub(crate) fn dammed(gpu: &Gpu, buffer: &GpuBuffer<u32>, dam: &Dam, at: usize) -> Upload {
    let dam = dam.clone();
    gpu.upload_with(buffer, move |range, place| {
        if range.end > at {
            dam.pass();
        }
        range.zip(place).for_each(|(i, word)| *word = i as u32);
    })
}
