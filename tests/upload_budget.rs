//! Uploads against a GPU that is slower than they are: what waits, for how long, and within which memory.

#![expect(clippy::single_range_in_vec_init, reason = "places to fill, of which there may be one")]

mod common;
mod uploading;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use common::{Gate, close, open, poll_once, soon, strict, until};
use futures::future::join_all;
use tokio::time::{sleep, timeout};
use uploading::{KIB, MIB, counters_are_zero, fill, settled};
use vulkio::{Gpu, GpuBuffer, GpuImage, Graph, Priority, QueueKind, RenderTarget};

fn gpu_with(staging: usize) -> Gpu {
    open(strict().staging_bytes(staging as u64))
}

async fn contents(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Vec<u32> {
    soon("a read", gpu.read(buffer, 0..buffer.len())).await.expect("it is read").to_vec()
}

/// A buffer that a graph reads, which the gate holds.
async fn read_behind(gate: &Gate, gpu: &Gpu, len: usize) -> GpuBuffer<u32> {
    let [buffer, copy] = ["target", "copy"].map(|name| gpu.buffer::<u32>(name, len).expect("a buffer"));
    fill(gpu, &buffer, [0..len], 0).await;
    // On the uploads' own queue: what comes after it there waits as well, whatever queues there are.
    let graph = Graph::on(gpu, "reader", QueueKind::Transfer);
    let (from, to) = (buffer.clone(), copy.clone());
    graph.pass("read").copies(&buffer, &copy).record(move |cmd| {
        cmd.copy(&from, 0..len, &to, 0);
    });
    gate.hold(&graph);
    drop(soon("a submit", graph.submit()).await.expect("submitted"));
    buffer
}

#[tokio::test]
async fn a_producer_faster_than_the_gpu_waits_within_the_budget() {
    let budget = 4 * MIB;
    let gpu = gpu_with(budget);
    let gate = Gate::new(&gpu);
    let buffer = read_behind(&gate, &gpu, 16 * KIB).await;
    let made = Arc::new(AtomicUsize::new(0));
    let (count, target, device) = (Arc::clone(&made), buffer.clone(), gpu.clone());
    let producer = tokio::spawn(async move {
        for n in 1..=400u32 {
            device.upload(&target, 0, vec![n; 16 * KIB]).await.expect("submitted");
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let stalled_at = settled(|| made.load(Ordering::SeqCst) as u64).await;
    assert!(stalled_at < 400, "25 MiB went through a budget of 4");
    let before = gpu.counters();
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    sleep(Duration::from_millis(200)).await;
    let after = gpu.counters();
    println!("stalled after {stalled_at} uploads, {} bytes staged", after.staging_bytes);
    assert_eq!(before.device_bytes, after.device_bytes);
    assert_eq!(before.device_allocations, after.device_allocations);
    assert!(after.peak_staging_bytes <= budget as u64, "{}", after.peak_staging_bytes);
    gate.open();
    soon("the producer", producer).await.expect("no panic");
    assert_eq!(contents(&gpu, &buffer).await, [400; 16 * KIB]);
    is_idle(&gpu, budget).await;
    drop((buffer, gate));
    close(gpu).await;
}

async fn is_idle(gpu: &Gpu, budget: usize) {
    counters_are_zero(gpu).await;
    let peak = gpu.counters().peak_staging_bytes;
    assert!(peak <= budget as u64, "{peak} bytes of staging memory, of {budget}");
}

/// Uploads resolve when they are submitted, for which the GPU need not have done anything: there is memory for thousands
/// of these. A program that opens the gate only after its uploads would wait for ever.
#[tokio::test]
async fn small_uploads_one_by_one_are_submitted_while_there_is_staging_memory() {
    let gpu = gpu_with(4 * MIB);
    let gate = Gate::new(&gpu);
    let buffer = read_behind(&gate, &gpu, 16).await;
    for n in 0..16u32 {
        let upload = timeout(Duration::from_secs(5), gpu.upload(&buffer, 0, vec![n; 16])).await;
        let staged = gpu.counters().staging_bytes;
        assert!(upload.is_ok(), "upload {n} is not submitted, though {staged} bytes of 4 MiB are in use");
    }
    gate.open();
    assert_eq!(contents(&gpu, &buffer).await, [15; 16]);
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn thousands_that_wait_at_once_stay_within_the_budget_and_all_arrive() {
    let (budget, count, len) = (4 * MIB, 4_000, KIB);
    let gpu = gpu_with(budget);
    let gate = Gate::new(&gpu);
    let buffer = read_behind(&gate, &gpu, count * len).await;
    let uploads = (0..count).map(|i| gpu.upload(&buffer, i * len, vec![1 + i as u32; len]));
    let all = tokio::spawn(join_all(uploads));
    until("their waiting", || gpu.counters().uploads_waiting > 0).await;
    let bytes = settled(|| gpu.counters().staging_bytes).await;
    let held = gpu.counters();
    println!("{bytes} bytes staged, {} uploads wait", held.uploads_waiting);
    assert!(!all.is_finished() && held.uploads_waiting >= 1_000, "16 MiB in a budget of 4");
    gate.open();
    for outcome in soon("all uploads", all).await.expect("no panic") {
        soon("its copy", outcome.expect("submitted")).await.expect("complete");
    }
    let expected: Vec<u32> = (0..count as u32).flat_map(|i| vec![1 + i; len]).collect();
    assert!(contents(&gpu, &buffer).await == expected);
    is_idle(&gpu, budget).await;
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn loads_that_are_larger_than_the_budget_wait_and_arrive() {
    let budget = 4 * MIB;
    let gpu = gpu_with(budget);
    let gate = Gate::new(&gpu);
    let len = MIB; // of u32: 4 MiB, and three of them
    let [a, b, c] = ["a", "b", "c"].map(|name| gpu.buffer::<u32>(name, len).expect("a buffer"));
    let held = read_behind(&gate, &gpu, 16).await;
    let uploads = [&a, &b, &c].map(|buffer| gpu.upload(buffer, 0, (0..len as u32).collect::<Vec<_>>()));
    let all = tokio::spawn(join_all(uploads));
    let bytes = settled(|| gpu.counters().staging_bytes).await;
    assert!(bytes > 0 && !all.is_finished(), "12 MiB in a budget of 4");
    gate.open();
    for outcome in soon("the loads", all).await.expect("no panic") {
        outcome.expect("submitted");
    }
    for buffer in [&a, &b, &c] {
        assert!(contents(&gpu, buffer).await.into_iter().eq(0..len as u32));
    }
    is_idle(&gpu, budget).await;
    drop((a, b, c, held, gate));
    close(gpu).await;
}

/// Nothing else is going on: so nothing that could end a wait ever comes.
#[tokio::test]
async fn every_size_goes_through_every_budget() {
    let mut failures = Vec::new();
    let sizes = [100 * KIB, 255 * KIB, 300 * KIB, 700 * KIB, 3 * MIB / 2, 2 * MIB, 3 * MIB, 5 * MIB, 9 * MIB, 17 * MIB];
    for budget in [MIB, 2 * MIB, 4 * MIB, 7 * MIB, 20 * MIB] {
        for priority in [Priority::Normal, Priority::Frame] {
            let mut gpu = gpu_with(budget);
            for bytes in sizes {
                let buffer = gpu.buffer::<u32>("target", bytes / 4).expect("a buffer");
                for round in 0..2u32 {
                    let upload = gpu.upload(&buffer, 0, vec![round; bytes / 4]).priority(priority);
                    let Ok(outcome) = timeout(Duration::from_secs(2), upload).await else {
                        failures.push(format!(
                            "{} KiB of {priority:?}, {} MiB, round {round}",
                            bytes / KIB,
                            budget / MIB
                        ));
                        gpu = gpu_with(budget); // the other may be stuck
                        break;
                    };
                    outcome.expect("submitted").await.expect("complete");
                }
            }
            gpu.close().await.expect("closed");
        }
    }
    assert!(failures.is_empty(), "uploads that never end, in which budget:\n{}", failures.join("\n"));
}

#[tokio::test]
async fn images_go_through_every_budget() {
    let mut failures = Vec::new();
    for budget in [MIB, 4 * MIB] {
        for side in [256u32, 600, 720, 1100] {
            let gpu = gpu_with(budget);
            let image: GpuImage<RenderTarget> = gpu.image("photo", [side, side]).expect("an image");
            let texels = vec![7u8; (side * side * 4) as usize];
            match timeout(Duration::from_secs(3), gpu.upload_image(&image, texels)).await {
                Ok(outcome) => outcome.expect("submitted").await.expect("complete"),
                Err(_) => failures.push(format!("{side} x {side}, {} MiB", budget / MIB)),
            }
            drop(image);
            gpu.close().await.expect("closed");
        }
    }
    assert!(failures.is_empty(), "uploads that never end, in which budget:\n{}", failures.join("\n"));
}

#[tokio::test]
async fn staging_in_place_waits_for_room_and_the_thread_goes_on() {
    let budget = 6 * MIB; // a third of it is for this
    let gpu = gpu_with(budget);
    let gate = Gate::new(&gpu);
    let buffer = read_behind(&gate, &gpu, 512 * KIB).await;
    let mut staged = soon("room", gpu.stage::<u32>(512 * KIB)).await.expect("room");
    staged.fill(5);
    soon("an upload", gpu.upload(&buffer, 0, staged)).await.expect("submitted");
    let device = gpu.clone();
    let next = tokio::spawn(async move { device.stage::<u32>(512 * KIB).await });
    let abandoned = Box::pin(gpu.stage::<u32>(1));
    assert!(poll_once(&mut { abandoned }).is_pending(), "there is no room for one either");
    let (start, mut ticks) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(200) {
        sleep(Duration::from_millis(1)).await;
        ticks += 1;
    }
    assert!(ticks > 20 && !next.is_finished(), "{ticks} ticks");
    gate.open();
    let staged = soon("room", next).await.expect("no panic").expect("room");
    assert_eq!(staged.len(), 512 * KIB);
    drop(staged);
    assert_eq!(contents(&gpu, &buffer).await, [5; 512 * KIB]);
    is_idle(&gpu, budget).await;
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn what_is_urgent_goes_first_and_what_is_not_has_the_last_word() {
    let gpu = gpu_with(3 * MIB);
    let gate = Gate::new(&gpu);
    let buffer = read_behind(&gate, &gpu, 48 * 16 * KIB).await;
    let one = gpu.buffer::<u32>("one", 1).expect("a buffer");
    // So many that there is no room for any other.
    let crowd = tokio::spawn(join_all((0..48).map(|i| gpu.upload(&buffer, i * 16 * KIB, vec![1; 16 * KIB]))));
    until("the crowd", || gpu.counters().uploads_waiting > 0).await;
    settled(|| gpu.counters().staging_bytes).await;
    let of = |value: u32, priority| gpu.upload(&one, 0, vec![value]).priority(priority);
    let mut uploads = [of(1, Priority::Bulk), of(2, Priority::Normal), of(3, Priority::Frame)];
    assert!(uploads.iter_mut().all(|upload| poll_once(upload).is_pending()));
    gate.open();
    for outcome in soon("all three", join_all(uploads)).await {
        outcome.expect("submitted");
    }
    assert_eq!(contents(&gpu, &one).await, [1], "the least urgent one came last");
    soon("the crowd", crowd).await.expect("no panic").into_iter().for_each(|outcome| drop(outcome.expect("submitted")));
    drop((buffer, one, gate));
    close(gpu).await;
}

#[tokio::test]
async fn a_frames_upload_does_not_wait_for_a_load_that_is_being_made() {
    let gpu = gpu_with(16 * MIB);
    let load = gpu.buffer::<u32>("load", 3 * MIB).expect("a buffer");
    let small = gpu.buffer::<u32>("small", 16).expect("a buffer");
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let made = gpu
        .upload_with(&load, move |range, place| {
            if range.start >= MIB {
                let _ = wait.lock().expect("not poisoned").recv(); // an error once all may go on
            }
            place.fill(9);
        })
        .priority(Priority::Bulk);
    let made = tokio::spawn(made);
    until("its first chunks", || gpu.counters().upload_copies > 0).await;
    for priority in [Priority::Frame, Priority::Normal, Priority::Bulk] {
        let upload = gpu.upload(&small, 0, vec![4; 16]).priority(priority);
        soon("the small one", soon("it", upload).await.expect("submitted")).await.expect("complete");
        assert!(!made.is_finished());
    }
    drop(go);
    soon("the load", made).await.expect("no panic").expect("submitted");
    assert!(contents(&gpu, &load).await.into_iter().all(|word| word == 9));
    is_idle(&gpu, 16 * MIB).await;
    drop((load, small));
    close(gpu).await;
}

#[tokio::test]
async fn the_longest_that_may_be_staged_in_place_can_be() {
    for budget in [MIB, 2 * MIB, 4 * MIB, 5_000_000] {
        let gpu = gpu_with(budget);
        let said = gpu.stage::<u8>(budget).await.expect_err("too long").to_string();
        let numbers = said.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse::<usize>().ok());
        let most = numbers.max_by_key(|number| if *number < budget { *number } else { 0 }).expect("it says how long");
        let staged = timeout(Duration::from_secs(3), gpu.stage::<u8>(most)).await;
        assert_eq!(staged.unwrap_or_else(|_| panic!("{most} bytes of {budget}: for ever")).expect("room").len(), most);
        close(gpu).await;
    }
}
