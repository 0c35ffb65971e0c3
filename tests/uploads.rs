//! Uploads: what arrives, in how many submissions, and what is refused.

mod common;

use std::sync::Arc;

use bytes::Bytes;
use common::{close, strict_gpu};
use futures::future::try_join_all;
use vulkio::{Error, Gpu, GpuImage, Ids, ImageDesc, RenderTarget, UploadData};

const MIB: usize = 1 << 20;

async fn contents(gpu: &Gpu, buffer: &vulkio::GpuBuffer<u32>) -> Vec<u32> {
    gpu.read(buffer, 0..buffer.len()).await.expect("it is read").to_vec()
}

fn counting(len: usize, from: u32) -> Vec<u32> {
    (0..len as u32).map(|i| i.wrapping_mul(2_654_435_761).wrapping_add(from)).collect()
}

#[tokio::test]
async fn every_container_arrives() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", 64).expect("a buffer");
    let numbers: Vec<u32> = (0..64).collect();
    gpu.upload(&buffer, 0, numbers[..8].to_vec()).await.expect("a vector");
    gpu.upload(&buffer, 8, Box::<[u32]>::from(&numbers[8..16])).await.expect("a box");
    gpu.upload(&buffer, 16, Arc::<[u32]>::from(&numbers[16..24])).await.expect("an Arc");
    gpu.upload(&buffer, 24, Arc::new(numbers[24..32].to_vec())).await.expect("an Arc of a vector");
    let array: [u32; 8] = numbers[32..40].try_into().expect("eight");
    gpu.upload(&buffer, 32, array).await.expect("an array");
    let bytes = Bytes::copy_from_slice(bytemuck::cast_slice(&numbers[40..48]));
    gpu.upload(&buffer, 40, UploadData::from_bytes(bytes)).await.expect("bytes");
    let mut staged = gpu.stage::<u32>(16).await.expect("room");
    staged.copy_from_slice(&numbers[48..64]);
    gpu.upload(&buffer, 48, staged).await.expect("staged");
    assert_eq!(contents(&gpu, &buffer).await, numbers);
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn a_load_of_many_chunks_arrives_whole_into_fresh_and_into_used_memory() {
    let gpu = strict_gpu();
    let len = 9 * MIB / 4 + 3;
    let buffer = gpu.buffer::<u32>("b", len).expect("a buffer");
    for round in 0..3 {
        let data = counting(len, round);
        gpu.upload(&buffer, 0, data.clone()).await.expect("an upload").await.expect("complete");
        assert!(contents(&gpu, &buffer).await == data, "round {round}");
    }
    let counters = gpu.counters();
    assert_eq!((counters.staging_bytes, counters.uploads_waiting), (0, 0));
    assert!(counters.peak_staging_bytes > 0 && counters.uploaded_bytes >= 3 * 4 * len as u64);
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn ten_thousand_small_uploads_take_one_copy_command_each_flush() {
    let gpu = strict_gpu();
    let count = 10_000;
    let buffer = gpu.buffer::<u32>("b", 16 * count).expect("a buffer");
    let before = gpu.counters();
    let uploads = (0..count).map(|i| gpu.upload(&buffer, 16 * i, vec![i as u32; 16]));
    let done = try_join_all(uploads).await.expect("all go");
    for done in done {
        done.await.expect("complete");
    }
    let after = gpu.counters();
    let (submits, copies) = (after.submits - before.submits, after.upload_copies - before.upload_copies);
    println!("{submits} submits, {copies} copies");
    assert_eq!(submits, copies, "one copy command a flush, one submit a flush");
    assert!(submits <= 200, "{submits} flushes");
    let expected: Vec<u32> = (0..count as u32).flat_map(|i| [i; 16]).collect();
    assert!(contents(&gpu, &buffer).await == expected);
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn uploads_to_very_many_places_are_scattered_by_one_dispatch_each_flush() {
    let gpu = strict_gpu();
    let (count, stride) = (5_000, 24);
    let buffer = gpu.buffer::<u32>("b", stride * count).expect("a buffer");
    gpu.upload(&buffer, 0, vec![9; stride * count]).await.expect("an upload").await.expect("complete");
    let before = gpu.counters();
    let uploads = (0..count).map(|i| gpu.upload(&buffer, stride * i, vec![i as u32; 12]));
    try_join_all(uploads).await.expect("all go");
    let after = gpu.counters();
    let (submits, copies) = (after.submits - before.submits, after.upload_copies - before.upload_copies);
    let dispatches = after.dispatches - before.dispatches;
    println!("{submits} submits, {copies} copies, {dispatches} dispatches");
    assert_eq!(submits, copies + dispatches, "one command a flush");
    assert!(dispatches > 0 && submits <= 200);
    let expected = (0..count as u32).flat_map(|i| [[i; 12], [9; 12]].concat());
    assert!(contents(&gpu, &buffer).await.into_iter().eq(expected));
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn ranges_go_in_one_submission_and_the_later_counts() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<u32>("b", 40_000).expect("a buffer");
    gpu.upload(&buffer, 0, vec![9; 40_000]).await.expect("an upload").await.expect("complete");
    let before = gpu.counters();
    let few = [(5, vec![1, 1, 1, 1]), (7, vec![2, 2, 2, 2]), (20, vec![3])];
    gpu.upload_ranges(&buffer, few).await.expect("ranges").await.expect("complete");
    let many = (0..10_000).map(|i| (4 * i + 100 * usize::from(i >= 9_900), [i as u32]));
    let many: Vec<_> = many.filter(|(at, _)| (100..40_000).contains(at)).collect();
    gpu.upload_ranges(&buffer, many.clone()).await.expect("ranges").await.expect("complete");
    let after = gpu.counters();
    let submits = after.submits - before.submits;
    assert_eq!((submits, after.upload_copies - before.upload_copies), (2, 1));
    assert_eq!(after.dispatches - before.dispatches, 1);
    let mut expected = vec![9; 40_000];
    expected[5..11].copy_from_slice(&[1, 1, 2, 2, 2, 2]);
    expected[20] = 3;
    many.iter().for_each(|(at, data)| expected[*at] = data[0]);
    assert!(contents(&gpu, &buffer).await == expected);
    for (ranges, words) in [
        (vec![], "0 ranges"),
        (vec![(0, vec![])], "0 elements"),
        (vec![(0, vec![1]), (39_999, vec![1, 2])], "beyond its 40000"),
    ] {
        let error = gpu.upload_ranges(&buffer, ranges).await.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn elements_that_are_no_whole_words_are_copied_wherever_they_go() {
    let gpu = strict_gpu();
    let count = 1_000;
    let buffer = gpu.buffer::<[u8; 6]>("b", 2 * count).expect("a buffer");
    gpu.upload(&buffer, 0, vec![[9; 6]; 2 * count]).await.expect("an upload").await.expect("complete");
    let dispatches = gpu.counters().dispatches;
    try_join_all((0..count).map(|i| gpu.upload(&buffer, 2 * i, [[i as u8; 6]]))).await.expect("all go");
    assert_eq!(gpu.counters().dispatches, dispatches);
    let read = gpu.read(&buffer, 0..2 * count).await.expect("read");
    assert!(read.iter().enumerate().all(|(i, e)| *e == [if i % 2 == 0 { (i / 2) as u8 } else { 9 }; 6]));
    drop((buffer, read));
    close(gpu).await;
}

#[tokio::test]
async fn generated_data_arrives() {
    let gpu = strict_gpu();
    let buffer = gpu.buffer::<[u32; 3]>("b", MIB).expect("a buffer");
    let fill = |range: std::ops::Range<usize>, out: &mut [[u32; 3]]| {
        for (i, element) in range.zip(out) {
            *element = [i as u32, 2 * i as u32, !i as u32];
        }
    };
    gpu.upload_with(&buffer, fill).await.expect("generated");
    let read = gpu.read(&buffer, 0..MIB).await.expect("read");
    assert!(read.iter().enumerate().all(|(i, e)| *e == [i as u32, 2 * i as u32, !i as u32]));
    drop((buffer, read));
    close(gpu).await;
}

#[tokio::test]
async fn images_arrive_small_and_large() {
    let gpu = strict_gpu();
    for side in [16u32, 1024] {
        let image: GpuImage<RenderTarget> = gpu.image("photo", [side, side]).expect("an image");
        let texels: Vec<u8> = (0..side * side * 4).map(|i| (i * 7 % 251) as u8).collect();
        let before = gpu.counters().uploaded_bytes;
        for _ in 0..2 {
            gpu.upload_image(&image, texels.clone()).await.expect("an upload");
        }
        // Through a buffer where it is large.
        let times = if side == 16 { 2 } else { 4 };
        assert_eq!(gpu.counters().uploaded_bytes - before, times * texels.len() as u64);
        let picture = gpu.read_image(&image).await.expect("a picture");
        assert!(picture.bytes() == texels, "{side} x {side}");
    }
    let desc = ImageDesc::new([8, 8]).levels(2).layers(3);
    let ids: GpuImage<Ids> = gpu.image_with("ids", desc).expect("an image");
    let error = gpu.upload_image(&ids, vec![0u8; 8 * 8 * 4]).await.expect_err("two levels");
    assert!(error.to_string().contains("levels of `ids`"), "{error}");
    gpu.upload_image(&ids.level(1), vec![7u8; 4 * 4 * 4 * 3]).await.expect("one level of all layers");
    gpu.upload_image(&ids.level(0).layer(2), vec![7u8; 8 * 8 * 4]).await.expect("one level of one layer");
    drop(ids);
    close(gpu).await;
}

#[tokio::test]
async fn what_is_wrong_is_an_error_and_nothing_is_written() {
    let (gpu, other) = (strict_gpu(), strict_gpu());
    let buffer = gpu.buffer::<u32>("b", 8).expect("a buffer");
    gpu.upload(&buffer, 0, vec![1; 8]).await.expect("an upload").await.expect("complete");
    let submits = gpu.counters().submits;
    let refused = [
        (gpu.upload(&buffer, 0, Vec::new()), "0 elements to `b`"),
        (gpu.upload(&buffer, 1, vec![2; 8]), "beyond its 8 elements"),
        (gpu.upload(&buffer, usize::MAX, vec![2]), "beyond its 8 elements"),
        (gpu.upload(&buffer, 0, UploadData::from_bytes(Bytes::from_static(&[1, 2, 3]))), "3 bytes to `b`"),
        (other.upload(&buffer, 0, vec![2]), "belongs to another Gpu"),
        (gpu.upload(&buffer, 0, other.stage::<u32>(1).await.expect("room")), "another Gpu staged"),
    ];
    for (upload, words) in refused {
        let error = upload.await.expect_err(words).to_string();
        assert!(error.contains(words), "{error}");
    }
    assert!(matches!(gpu.stage::<u32>(0).await, Err(Error::Invalid(_))));
    assert!(matches!(gpu.stage::<u32>(1 << 40).await, Err(Error::Invalid(_))));
    assert_eq!(gpu.counters().submits, submits);
    assert_eq!(contents(&gpu, &buffer).await, [1; 8]);
    drop(buffer);
    close(gpu).await;
    close(other).await;
}
