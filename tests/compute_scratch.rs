//! The memory that operations work with: it is made ready once, and again if that came to nothing.

mod common;

use std::future::IntoFuture;

use common::{close, faults::Faults, open, strict, strict_gpu};
use vulkio::{
    Dispatch, Gpu, GpuBuffer,
    ash::vk,
    compute::{Reduce, reference},
};

const N: usize = 10_000;

struct World {
    gpu: Gpu,
    sum: Reduce<u32>,
    x: GpuBuffer<u32>,
    result: GpuBuffer<u32>,
    expected: u32,
}

impl World {
    async fn new(gpu: Gpu) -> Self {
        let numbers: Vec<u32> = (0..N as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
        let (x, result) = (gpu.buffer("x", N).expect("memory"), gpu.buffer("result", 1).expect("memory"));
        let expected = reference::sum(&numbers);
        gpu.upload(&x, 0, numbers).await.expect("uploaded").await.expect("there");
        Self { sum: Reduce::sum(&gpu).await.expect("a kernel"), gpu, x, result, expected }
    }

    fn work(&self) -> Dispatch {
        self.sum.of(&self.x, &self.result).expect("work")
    }

    /// How many dispatches it took, and whether the sum is right after it.
    async fn run(&self) -> (u64, bool) {
        let before = self.gpu.counters().dispatches;
        self.work().await.expect("done");
        let took = self.gpu.counters().dispatches - before;
        (took, self.gpu.read(&self.result, 0..1).await.expect("read")[0] == self.expected)
    }

    async fn close(self) {
        let Self { gpu, sum, x, result, .. } = self;
        drop((sum, x, result));
        close(gpu).await;
    }
}

#[tokio::test]
async fn work_that_was_dropped_leaves_nothing_behind_that_later_work_relies_on() {
    let world = World::new(strict_gpu()).await;
    drop(world.work());
    let (first, second) = (world.work(), world.work());
    drop((first, second));
    assert_eq!(world.run().await, (2, true), "a dispatch that clears, and the sum");
    assert_eq!(world.run().await, (1, true));
    assert_eq!(world.run().await, (1, true));
    world.close().await;
}

#[tokio::test]
async fn memory_whose_clearing_was_refused_is_cleared_again() {
    let (options, faults) = Faults::on(strict());
    let world = World::new(open(options)).await;
    faults.once("vkQueueSubmit2", vk::Result::ERROR_OUT_OF_DEVICE_MEMORY);
    let error = world.work().await.expect_err("it was refused");
    assert!(matches!(error, vulkio::Error::OutOfDeviceMemory { .. }), "{error:?}");
    assert_eq!(world.run().await, (2, true));
    assert_eq!(world.run().await, (1, true));
    world.close().await;
}

#[tokio::test]
async fn work_that_is_there_at_the_same_time_works_in_memory_of_its_own() {
    let world = World::new(strict_gpu()).await;
    let results = world.gpu.buffer::<u32>("results", 8).expect("memory");
    let works: Vec<_> =
        (0..8).map(|i| world.sum.of(&world.x, results.slice(i..i + 1)).expect("work").into_future()).collect();
    for done in futures::future::join_all(works).await {
        done.expect("done");
    }
    assert_eq!(*words(&world.gpu, &results).await, [world.expected; 8]);
    drop(results);
    world.close().await;
}

async fn words(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Vec<u32> {
    gpu.read(buffer, ..).await.expect("read").to_vec()
}
