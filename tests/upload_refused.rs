//! Uploads that the driver refuses, somewhere on their way: each says so, nothing of it is seen, and what follows is right.

mod common;
mod uploading;

use std::ops::Range;

use common::{
    close,
    faults::{Faults, LooseGate},
    open, poll_once, soon, strict,
};
use futures::future::join_all;
use uploading::{MIB, counters_are_zero};
use vulkio::{Error, Gpu, GpuBuffer, Graph, QueueKind, ash::vk};

const NO_MEMORY: vk::Result = vk::Result::ERROR_OUT_OF_DEVICE_MEMORY;
const LOST: vk::Result = vk::Result::ERROR_DEVICE_LOST;

fn faulty(staging: usize) -> (Gpu, Faults) {
    let (options, faults) = Faults::on(strict().staging_bytes(staging as u64));
    (open(options), faults)
}

#[track_caller]
fn is_refused<T>(what: &str, result: Result<T, Error>) {
    match result {
        Err(Error::OutOfDeviceMemory { .. } | Error::OutOfHostMemory { .. }) => {}
        Err(error) => panic!("{what}: {error:?}"),
        Ok(_) => panic!("{what} went well"),
    }
}

async fn words(gpu: &Gpu, buffer: &GpuBuffer<u32>, range: Range<usize>) -> Result<Vec<u32>, Error> {
    Ok(soon("a read", gpu.read(buffer, range)).await?.to_vec())
}

async fn all_are(gpu: &Gpu, buffer: &GpuBuffer<u32>, value: u32) {
    let read = words(gpu, buffer, 0..buffer.len()).await.expect("it was written");
    let other = read.iter().position(|word| *word != value);
    assert_eq!(other.map(|at| (at, read[at])), None, "all should be {value}");
}

/// Every call of an upload, refused one after the other, until one more was not made.
async fn each_call_refused(function: &'static str, len: usize, used: bool) {
    let (gpu, faults) = faulty(96 * MIB);
    soon("a first one", gpu.upload(&gpu.buffer::<u32>("warm", 1).expect("a buffer"), 0, vec![1]))
        .await
        .expect("submitted");
    let old = used.then_some(7);
    let mut refused = 0;
    for nth in 1..12 {
        let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
        if let Some(old) = old {
            soon("the old one", gpu.upload(&buffer, 0, vec![old; len]))
                .await
                .expect("submitted")
                .await
                .expect("complete");
        }
        faults.rule(function, move |n| (n == nth).then_some(NO_MEMORY));
        let outcome = soon("an upload", gpu.upload(&buffer, 0, vec![8; len])).await;
        let calls = faults.calls(function);
        faults.never(function);
        if outcome.is_ok() {
            all_are(&gpu, &buffer, 8).await;
            if calls < nth {
                break;
            }
            // More staging memory is made in the background: what there is does as well.
            assert_eq!(function, "vkCreateBuffer", "call {nth} of {len} words, used: {used}, went well");
            continue;
        }
        is_refused(&format!("{function} {nth} of {len} words, used: {used}"), outcome);
        refused += 1;
        match old {
            Some(old) => all_are(&gpu, &buffer, old).await,
            None => match words(&gpu, &buffer, 0..1).await {
                Err(Error::Graph(said)) => assert!(said.contains("nothing has written"), "{said}"),
                other => panic!("{other:?}"),
            },
        }
        soon("the next", gpu.upload(&buffer, 0, vec![9; len])).await.expect("submitted");
        all_are(&gpu, &buffer, 9).await;
        counters_are_zero(&gpu).await;
    }
    println!("{function}, {len} words, used: {used}: refused {refused} times");
    assert!(refused > 0);
    close(gpu).await;
}

#[tokio::test]
async fn a_small_upload_is_refused_alone() {
    for function in ["vkQueueSubmit2", "vkBeginCommandBuffer", "vkEndCommandBuffer"] {
        each_call_refused(function, 16, true).await;
        each_call_refused(function, 16, false).await;
    }
}

#[tokio::test]
async fn a_load_of_which_any_chunk_is_refused_is_not_seen() {
    for function in ["vkQueueSubmit2", "vkBeginCommandBuffer", "vkEndCommandBuffer"] {
        each_call_refused(function, 3 * MIB, false).await;
        each_call_refused(function, MIB / 4, false).await;
    }
}

#[tokio::test]
async fn a_load_into_memory_in_use_of_which_any_copy_is_refused_leaves_what_was_there() {
    for function in ["vkQueueSubmit2", "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkCreateBuffer"] {
        each_call_refused(function, 3 * MIB, true).await;
    }
}

#[tokio::test]
async fn uploads_of_one_flush_are_refused_together_and_those_after_them_are_not() {
    let (gpu, faults) = faulty(4 * MIB);
    let buffer = gpu.buffer::<u32>("b", 512).expect("a buffer");
    let uploads =
        |value: u32| join_all((0..512).map(move |i| (i, value)).map(|(i, value)| gpu.upload(&buffer, i, vec![value])));
    soon("the first", uploads(1)).await.into_iter().for_each(|outcome| drop(outcome.expect("submitted")));
    faults.once("vkQueueSubmit2", NO_MEMORY);
    let outcomes = soon("the second", uploads(2)).await;
    let refused: Vec<_> = outcomes.iter().map(Result::is_err).collect();
    assert!(refused.iter().any(|refused| *refused));
    let read = words(&gpu, &buffer, 0..512).await.expect("read");
    for (word, refused) in read.into_iter().zip(refused) {
        assert_eq!(word, if refused { 1 } else { 2 });
    }
    soon("the third", uploads(3)).await.into_iter().for_each(|outcome| drop(outcome.expect("submitted")));
    all_are(&gpu, &buffer, 3).await;
    counters_are_zero(&gpu).await;
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn staging_memory_that_is_refused_fails_who_needs_it_and_is_asked_for_again() {
    let (gpu, faults) = faulty(48 * MIB);
    let [small, load] = [16, 3 * MIB].map(|len| gpu.buffer::<u32>("b", len).expect("a buffer"));
    let image = gpu.image::<vulkio::RenderTarget>("photo", [512, 512]).expect("an image");
    faults.always("vkAllocateMemory", NO_MEMORY);
    is_refused("a small one", soon("it", gpu.upload(&small, 0, vec![1; 16])).await);
    is_refused("a load", soon("it", gpu.upload(&load, 0, vec![1; 3 * MIB])).await);
    is_refused("a generated one", soon("it", gpu.upload_with(&load, |_, place| place.fill(1))).await);
    is_refused("an image", soon("it", gpu.upload_image(&image, vec![1u8; MIB])).await);
    is_refused("room", soon("it", gpu.stage::<u32>(16)).await.map(drop));
    let many = join_all((0..100).map(|i| gpu.upload(&small, i % 16, vec![1])));
    soon("many", many).await.into_iter().for_each(|outcome| is_refused("one of many", outcome));
    counters_are_zero(&gpu).await;
    faults.never("vkAllocateMemory");
    soon("a small one", gpu.upload(&small, 0, vec![2; 16])).await.expect("submitted");
    soon("a load", gpu.upload(&load, 0, vec![2; 3 * MIB])).await.expect("submitted");
    soon("an image", gpu.upload_image(&image, vec![1u8; MIB])).await.expect("submitted");
    all_are(&gpu, &small, 2).await;
    all_are(&gpu, &load, 2).await;
    // Now it is in use, so it needs a shadow.
    faults.always("vkCreateBuffer", NO_MEMORY);
    is_refused("a load that needs a shadow", soon("it", gpu.upload(&load, 0, vec![3; 3 * MIB])).await);
    soon("a small one", gpu.upload(&small, 0, vec![3; 16])).await.expect("there is staging memory");
    faults.never("vkCreateBuffer");
    all_are(&gpu, &small, 3).await;
    all_are(&gpu, &load, 2).await;
    soon("a load", gpu.upload(&load, 0, vec![4; 3 * MIB])).await.expect("submitted");
    all_are(&gpu, &load, 4).await;
    counters_are_zero(&gpu).await;
    drop((small, load, image));
    close(gpu).await;
}

/// Uploads in all states: submitted, waiting for room, of every size.
async fn a_crowd(gpu: &Gpu, gate: &LooseGate) -> Vec<vulkio::Upload> {
    let [small, fresh, used] = [16 * 1024, 3 * MIB, 3 * MIB].map(|len| gpu.buffer::<u32>("b", len).expect("a buffer"));
    let graph = Graph::on(gpu, "writes", QueueKind::Transfer);
    let own = used.clone();
    graph.pass("fill").writes(used.copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..3 * MIB, 1);
    });
    gate.hold(&graph);
    drop(soon("a submit", graph.submit()).await.expect("submitted"));
    let mut uploads = vec![gpu.upload(&fresh, 0, vec![1; 3 * MIB]), gpu.upload(&used, 0, vec![1; 3 * MIB])];
    uploads.extend((0..400).map(|i| gpu.upload(&small, i, vec![1; 8 * 1024])));
    uploads.retain_mut(|upload| poll_once(upload).is_pending()); // one that is answered at once is over
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    uploads
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_device_answers_all_uploads() {
    for function in ["vkQueueSubmit2", "vkWaitSemaphores"] {
        let (gpu, faults) = faulty(16 * MIB);
        let log = gpu.validation_log();
        let gate = LooseGate::new(&gpu, &faults);
        let uploads = a_crowd(&gpu, &gate).await;
        faults.always(function, LOST);
        // Something that meets the loss at once, in either way.
        let unlucky = soon("a graph", Graph::new(&gpu, "unlucky").submit()).await;
        if let Ok(done) = unlucky {
            let _ = soon("it", done).await; // where its queue is another one, it may be complete before the loss is seen
        }
        let mut lost = 0;
        // Who uses the GPU's memory waits for the GPU, which the gate keeps busy.
        gate.open();
        for upload in uploads {
            match soon("an upload of a lost device", upload).await {
                Err(error) if error.is_device_lost() => lost += 1,
                Err(error) => panic!("{error:?}"),
                Ok(done) => assert!(soon("its copy", done).await.is_err() || function == "vkQueueSubmit2"),
            }
        }
        println!("{lost} learned of it by their upload");
        assert!(lost > 0);
        let late = gpu.buffer::<u32>("late", 1).map(|buffer| gpu.upload(&buffer, 0, vec![1]));
        if let Ok(upload) = late {
            assert!(soon("a late one", upload).await.expect_err("the device is lost").is_device_lost());
        }
        let staged = soon("room", gpu.stage::<u32>(1)).await;
        assert!(staged.expect_err("the device is lost").is_device_lost());
        assert!(soon("close", gpu.close()).await.expect_err("the device is lost").is_device_lost());
        assert_eq!(gpu.counters().uploads_waiting, 0);
        drop(gpu);
        tokio::task::spawn_blocking(move || faults.wait_for_the_end()).await.expect("no panic");
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}
