//! Uploads when all ends, when their data panics, and on other executors: each is answered.

#![expect(clippy::single_range_in_vec_init, reason = "places to fill, of which there may be one")]

mod common;
mod uploading;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::Duration,
};

use bytes::Bytes;
use common::{
    Gate, close,
    faults::{Faults, LooseGate},
    open, poll_once, soon, strict, strict_gpu,
};
use tokio::time::{sleep, timeout};
use uploading::{Dam, KIB, MIB, counters_are_zero, dammed, fill, is_unwritten, words};
use vulkio::{Error, Gpu, Graph, QueueKind, Upload, UploadData};

#[test]
fn uploads_need_no_runtime() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", MIB).expect("a buffer");
    futures::executor::block_on(async {
        for n in 0..3 {
            gpu.upload(&buffer, 0, vec![n; MIB]).await.expect("submitted");
            let small = gpu.upload(&buffer, 0, vec![n; 7]);
            let other = gpu.upload(&buffer, 9, vec![n; 7]);
            let either = futures::future::select(small, other).await;
            drop(either);
        }
        let read = gpu.read(&buffer, 0..MIB).await.expect("read");
        assert!(read.iter().all(|word| *word == 2));
        drop(read);
        drop(buffer);
        close(gpu).await;
    });
}

// What the data's own code does.

struct Bomb(Vec<u8>);

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("a bomb");
    }
}

#[tokio::test]
async fn data_that_panics_when_dropped_harms_no_other_upload() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u8>("b", 3 * MIB).expect("a buffer");
    for bytes in [64, MIB, 3 * MIB] {
        let bomb = UploadData::<u8>::from_bytes(Bytes::from_owner(Bomb(vec![1; bytes])));
        drop(soon("the bomb", gpu.upload(&buffer, 0, bomb)).await);
        let next = soon("the next", gpu.upload(&buffer, 0, vec![2; 3 * MIB])).await;
        next.unwrap_or_else(|error| panic!("after {bytes} bytes: {error}"));
    }
    let bomb = UploadData::<u8>::from_bytes(Bytes::from_owner(Bomb(vec![1; 64])));
    let upload = gpu.upload(&buffer, 0, bomb);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(upload))).is_err(), "this one is the caller's");
    counters_are_zero(&gpu).await;
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn a_generator_that_panics_fails_its_upload_alone() {
    let gpu = strict_gpu();
    for (len, at) in [(16, 0), (MIB, 0), (3 * MIB, 2 * MIB), (3 * MIB, 0)] {
        let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
        for written in [false, true] {
            if written {
                fill(&gpu, &buffer, [0..len], 4).await;
            }
            let made = gpu.upload_with(&buffer, move |range, place| {
                assert!(range.end <= at, "on purpose");
                place.fill(5);
            });
            let error = soon("the upload", made).await.expect_err("it panics");
            assert!(matches!(error, Error::HelperPanicked { .. }), "{error:?}");
            let read = words(&gpu, &buffer, 0..len).await;
            if written {
                assert!(read.expect("read").iter().all(|word| *word == 4), "{len} {at}");
            } else {
                is_unwritten("what failed", read);
            }
        }
        soon("the next", gpu.upload(&buffer, 0, vec![6; len])).await.expect("submitted");
        assert!(words(&gpu, &buffer, 0..len).await.expect("read").iter().all(|word| *word == 6));
    }
    counters_are_zero(&gpu).await;
    close(gpu).await;
}

// The end.

/// Uploads in every state, under a gate.
async fn in_every_state(gpu: &Gpu, dam: &Dam) -> Vec<Upload> {
    let small = gpu.buffer::<u32>("small", 64 * KIB).expect("a buffer");
    let load = gpu.buffer::<u32>("load", 3 * MIB).expect("a buffer");
    let used = gpu.buffer::<u32>("used", 3 * MIB).expect("a buffer");
    fill(gpu, &used, [0..3 * MIB], 1).await;
    let mut uploads = vec![dammed(gpu, &load, dam, MIB), gpu.upload(&used, 0, vec![2; 3 * MIB])];
    uploads.extend((0..200).map(|i| gpu.upload(&small, i * 256, vec![3; 256])));
    uploads.extend((0..20).map(|i| gpu.upload(&used, i, vec![3; MIB])));
    // One that is answered at once is over.
    uploads.retain_mut(|upload| poll_once(upload).is_pending());
    sleep(Duration::from_millis(30)).await;
    uploads.push(gpu.upload(&small, 0, vec![4; 4])); // never polled
    uploads
}

async fn all_end(uploads: Vec<Upload>) -> (usize, usize) {
    let (mut submitted, mut closed) = (0, 0);
    for upload in uploads {
        match soon("an upload after the end", upload).await {
            Ok(_) => submitted += 1,
            Err(Error::Closed) => closed += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    println!("{submitted} submitted, {closed} closed");
    (submitted, closed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_answers_uploads_in_every_state() {
    for opens_before in [true, false] {
        let gpu = open(strict().staging_bytes(1 << 21));
        let (gate, dam) = (Gate::new(&gpu), Dam::default());
        let graph = Graph::on(&gpu, "held", QueueKind::Transfer);
        gate.hold(&graph);
        soon("a submit", graph.submit()).await.expect("submitted");
        let uploads = in_every_state(&gpu, &dam).await;
        if opens_before {
            gate.open();
        }
        let device = gpu.clone();
        let closing = tokio::spawn(async move { device.close().await });
        let (_, closed) = all_end(uploads).await;
        assert!(closed >= 2, "the dammed one, and the one that was never polled");
        gate.open();
        dam.open();
        soon("close", closing).await.expect("no panic").expect("closed");
        counters_are_zero(&gpu).await;
        drop(gate);
        close(gpu).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_last_handle_answers_uploads_in_every_state_and_hangs_nowhere() {
    for (opens_before, dam_before) in [(true, true), (true, false), (false, true), (false, false)] {
        println!("gate {opens_before}, dam {dam_before}");
        let (options, faults) = Faults::on(strict().staging_bytes(1 << 21).close_timeout(Duration::from_millis(20)));
        let gpu = open(options);
        let log = gpu.validation_log();
        let (gate, dam) = (LooseGate::new(&gpu, &faults), Dam::default());
        let graph = Graph::on(&gpu, "held", QueueKind::Transfer);
        gate.hold(&graph);
        soon("a submit", graph.submit()).await.expect("submitted");
        let mut uploads = in_every_state(&gpu, &dam).await;
        drop(uploads.pop()); // it would hold the Gpu
        if opens_before {
            gate.open();
        }
        if dam_before {
            dam.open();
        }
        let dropped = tokio::task::spawn_blocking(move || drop(gpu));
        timeout(Duration::from_secs(5), dropped).await.expect("the drop ends").expect("no panic");
        all_end(uploads).await;
        gate.open();
        dam.open();
        tokio::task::spawn_blocking(move || faults.wait_for_the_end()).await.expect("no panic");
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_may_hold_the_last_handle_of_its_gpu() {
    for len in [16, MIB, 3 * MIB] {
        let (options, faults) = Faults::on(strict());
        let gpu = open(options);
        let log = gpu.validation_log();
        let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
        let own = gpu.clone();
        let mut upload = gpu.upload_with(&buffer, move |_, place| {
            thread::sleep(Duration::from_millis(5));
            place.fill(u32::from(own.is_lost_or(1)));
        });
        drop(poll_once(&mut upload));
        drop((buffer, gpu));
        drop(soon("the upload", upload).await);
        tokio::task::spawn_blocking(move || faults.wait_for_the_end()).await.expect("no panic");
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}

trait IsLostOr {
    fn is_lost_or(&self, value: u8) -> u8;
}

impl IsLostOr for Gpu {
    fn is_lost_or(&self, value: u8) -> u8 {
        if self.counters().submits == u64::MAX { 0 } else { value }
    }
}
