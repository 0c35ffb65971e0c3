//! Uploads that others overtake or meet on their way: readers see the old or the new, and never a part of one.

#![expect(clippy::single_range_in_vec_init, reason = "places to fill, of which there may be one")]

mod common;
mod scenes;
mod uploading;

use std::{sync::mpsc, task::Poll, thread, time::Duration};

use common::{Gate, close, open, poll_once, soon, strict, strict_gpu, until};
use futures::future::join_all;
use scenes::{Random, seed};
use tokio::time::sleep;
use uploading::{Dam, MIB, counters_are_zero, dammed, fill, filler, is_unwritten, may_read, settled, words};
use vulkio::{Error, Gpu, GpuBuffer, Graph, Priority, QueueKind};

#[tokio::test]
async fn small_uploads_over_each_other_leave_every_byte_to_one_of_them() {
    let mut random = Random(seed());
    let mut below = |end: usize| random.bits() as usize % end;
    let gpu = strict_gpu();
    let len = 256;
    let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
    let mut model = vec![0u32; len];
    gpu.upload(&buffer, 0, model.clone()).await.expect("submitted");
    for n in 1..300u32 {
        // One after the other: the last one wins.
        let at = below(len);
        let count = 1 + below(len - at);
        model[at..at + count].fill(n);
        gpu.upload(&buffer, at, vec![n; count]).await.expect("submitted");
        if n % 50 == 0 {
            assert_eq!(words(&gpu, &buffer, 0..len).await.expect("read"), model, "after {n}");
        }
    }
    // All at once, polled in order: they are of one priority, so the last one polled wins.
    let uploads: Vec<_> = (1000..1400u32)
        .map(|n| {
            let at = below(len);
            let count = 1 + below((len - at).min(40));
            model[at..at + count].fill(n);
            gpu.upload(&buffer, at, vec![n; count])
        })
        .collect();
    join_all(uploads).await.into_iter().for_each(|done| drop(done.expect("submitted")));
    assert_eq!(words(&gpu, &buffer, 0..len).await.expect("read"), model);
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn a_load_of_fresh_memory_cannot_be_read_before_it_is_whole() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", 3 * MIB).expect("a buffer");
    let dam = Dam::default();
    let load = tokio::spawn(dammed(&gpu, &buffer, &dam, 2 * MIB));
    until("its first chunks", || gpu.counters().upload_copies > 0).await;
    is_unwritten("the load", words(&gpu, &buffer, 0..16).await);
    // What overlaps it waits for it; what does not does not.
    let mut small = gpu.upload(&buffer, 5, vec![77; 3]);
    assert!(poll_once(&mut small).is_pending());
    let other = gpu.buffer::<u32>("other", 1).expect("a buffer");
    soon("another upload", gpu.upload(&other, 0, vec![1])).await.expect("submitted");
    is_unwritten("the load", words(&gpu, &buffer, 0..16).await);
    dam.open();
    soon("the load", load).await.expect("no panic").expect("submitted");
    soon("the small one", small).await.expect("submitted");
    let read = words(&gpu, &buffer, 0..3 * MIB).await.expect("read");
    assert_eq!(read[..10], [0, 1, 2, 3, 4, 77, 77, 77, 8, 9]);
    assert!(read[10..].iter().enumerate().all(|(i, word)| *word == i as u32 + 10));
    counters_are_zero(&gpu).await;
    drop((buffer, other));
    close(gpu).await;
}

#[tokio::test]
async fn a_load_that_a_frame_overtakes_is_whole_after_it() {
    let gpu = strict_gpu();
    // In front of what is copied already, behind it, and across.
    for (round, touched) in [0..16, 2 * MIB..2 * MIB + 16, 0..3 * MIB].into_iter().enumerate() {
        let buffer = gpu.buffer::<u32>("b", 3 * MIB).expect("a buffer");
        let dam = Dam::default();
        let load = tokio::spawn(dammed(&gpu, &buffer, &dam, 2 * MIB));
        until("its first chunks", || gpu.counters().upload_copies > 0).await;
        fill(&gpu, &buffer, [touched.clone()], 0xFFFF).await;
        assert!(words(&gpu, &buffer, touched.clone()).await.expect("it is written").iter().all(|word| *word == 0xFFFF));
        if touched.len() == 16 {
            is_unwritten("a part of the load", words(&gpu, &buffer, MIB..MIB + 16).await);
        }
        dam.open();
        soon("the load", load).await.expect("no panic").unwrap_or_else(|error| panic!("round {round}: {error}"));
        let read = words(&gpu, &buffer, 0..3 * MIB).await.expect("read");
        assert!(read.iter().enumerate().all(|(i, word)| *word == i as u32), "round {round}");
        drop(buffer);
    }
    counters_are_zero(&gpu).await;
    close(gpu).await;
}

/// Several chunks are committed before the load learns that one of them came too late.
#[tokio::test]
async fn a_load_that_is_overtaken_with_several_chunks_on_their_way_is_whole_after_it() {
    const LEN: usize = 10 * MIB;
    let gpu = strict_gpu();
    for round in 0..3 {
        let buffer = gpu.buffer::<u32>("b", LEN).expect("a buffer");
        let (let_go, wait) = mpsc::channel::<()>();
        let (enter, entered) = mpsc::channel();
        let owner = gpu.clone();
        let holder = thread::spawn(move || {
            // SAFETY: nothing is done with the queue.
            unsafe {
                owner.with_queue(QueueKind::Graphics, |_, _| {
                    let _ = enter.send(());
                    let _ = wait.recv();
                });
            }
        });
        entered.recv().expect("nobody else submits now");
        let mut overtakes = filler(&gpu, &buffer, [16..32], 5).submit();
        assert!(poll_once(&mut overtakes).is_pending());
        common::recorded().await;
        let before = gpu.counters().upload_copies;
        let load = tokio::spawn(gpu.upload(&buffer, 0, (0..LEN as u32).collect::<Vec<_>>()));
        until("some chunks", || gpu.counters().upload_copies >= before + 2).await;
        sleep(Duration::from_millis(20)).await;
        let_go.send(()).expect("it waits");
        soon("the fill", overtakes).await.expect("submitted");
        let outcome = soon("the load", load).await.expect("no panic");
        outcome.unwrap_or_else(|error| panic!("round {round}: {error}"));
        let read = words(&gpu, &buffer, 0..LEN).await.expect("read");
        assert!(read.iter().enumerate().all(|(i, word)| *word == i as u32), "round {round}");
        holder.join().expect("no panic");
        drop(buffer);
    }
    counters_are_zero(&gpu).await;
    close(gpu).await;
}

/// A load into elements `MIB..4 * MIB` of a fresh buffer of 5 MiB elements, begun and held up by the gate.
async fn stalled_load(
    gpu: &Gpu,
    gate: &Gate,
) -> (GpuBuffer<u32>, tokio::task::JoinHandle<Result<vulkio::Completion, Error>>) {
    // On the uploads' own queue: what comes after it there waits as well, whatever queues there are.
    let graph = Graph::on(gpu, "held", QueueKind::Transfer);
    gate.hold(&graph);
    soon("a submit", graph.submit()).await.expect("submitted");
    let buffer = gpu.buffer::<u32>("b", 5 * MIB).expect("a buffer");
    let load = tokio::spawn(gpu.upload(&buffer, MIB, vec![6u32; 3 * MIB]));
    let copied = settled(|| gpu.counters().uploaded_bytes).await;
    assert!(copied > 0 && !load.is_finished(), "{copied} bytes of the load were copied");
    is_unwritten("the load", may_read(gpu, &buffer, MIB..MIB + 16).await);
    (buffer, load)
}

#[tokio::test]
async fn uploads_around_a_load_do_not_show_a_part_of_it() {
    let gpu = open(strict().staging_bytes(12 << 20));
    let gate = Gate::new(&gpu);
    let (buffer, load) = stalled_load(&gpu, &gate).await;
    // In one flush, of too many places to be told apart; in front of the load and behind it.
    let place = |i: usize| if i.is_multiple_of(2) { i * 1024 } else { 4 * MIB + i * 1024 };
    let before = gpu.counters().upload_copies;
    let mut uploads: Vec<_> = (0..64).map(|i| gpu.upload(&buffer, place(i), vec![3; 4])).collect();
    // One that is answered at once is over.
    uploads.retain_mut(|upload| match poll_once(upload) {
        Poll::Ready(done) => {
            drop(done.expect("submitted"));
            false
        }
        Poll::Pending => true,
    });
    let all = tokio::spawn(join_all(uploads));
    until("a flush", || gpu.counters().upload_copies > before).await;
    sleep(Duration::from_millis(50)).await;
    is_unwritten("a half of the load", may_read(&gpu, &buffer, MIB..MIB + 16).await);
    gate.open();
    soon("the load", load).await.expect("no panic").expect("submitted");
    soon("the others", all).await.expect("no panic").into_iter().for_each(|done| drop(done.expect("submitted")));
    let read = words(&gpu, &buffer, MIB..4 * MIB).await.expect("read");
    assert!(read.iter().all(|word| *word == 6));
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn frames_that_write_all_around_a_load_do_not_show_a_part_of_it() {
    let gpu = open(strict().staging_bytes(12 << 20));
    let gate = Gate::new(&gpu);
    let (buffer, load) = stalled_load(&gpu, &gate).await;
    // More places than the past of a buffer has parts, beginning at the load.
    for i in 0..40 {
        let places = (i * 4..i * 4 + 4).flat_map(|n| [MIB - 4 - 8 * n, 4 * MIB + 8 * n]);
        fill(&gpu, &buffer, places.map(|at| at..at + 4), 3).await;
        is_unwritten("the load's begin", may_read(&gpu, &buffer, MIB..MIB + 16).await);
        is_unwritten("the load's end", may_read(&gpu, &buffer, 4 * MIB - 16..4 * MIB).await);
    }
    gate.open();
    soon("the load", load).await.expect("no panic").expect("submitted");
    let read = words(&gpu, &buffer, MIB..4 * MIB).await.expect("read");
    assert!(read.iter().all(|word| *word == 6));
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn loads_into_memory_in_use_show_the_old_or_the_new() {
    let gpu = strict_gpu();
    let len = 5 * MIB / 4;
    let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
    fill(&gpu, &buffer, [0..len], 0).await;
    let device = gpu.clone();
    let target = buffer.clone();
    let loads = tokio::spawn(async move {
        for n in 1..=20u32 {
            device.upload(&target, 0, vec![n; len]).priority(Priority::Bulk).await.expect("submitted");
        }
    });
    let mut last = 0;
    while !loads.is_finished() {
        let read = words(&gpu, &buffer, 0..len).await.expect("read");
        assert!(read.iter().all(|word| *word == read[0]) && read[0] >= last, "{} after {last}", read[0]);
        last = read[0];
    }
    soon("the loads", loads).await.expect("no panic");
    assert_eq!(words(&gpu, &buffer, len - 1..len).await.expect("read"), [20]);
    drop(buffer);
    counters_are_zero(&gpu).await;
    close(gpu).await;
}
