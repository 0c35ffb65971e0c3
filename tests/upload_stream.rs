//! Uploads from streams: whole items, in order, no more of them than there is room for.

mod common;
mod scenes;

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use common::{Gate, close, poll_once, soon, strict_gpu, until};
use futures::{Stream, StreamExt, stream};
use scenes::{Random, seed};
use vulkio::{Error, Gpu, GpuBuffer, Graph, QueueKind};

const ITEM: usize = 1000;
const ITEMS: usize = 12;

fn buffer(gpu: &Gpu) -> GpuBuffer<u32> {
    gpu.buffer("words", ITEM * ITEMS).expect("a buffer")
}

async fn contents(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Vec<u32> {
    soon("a read", gpu.read(buffer, 0..buffer.len())).await.expect("read").to_vec()
}

async fn clear(gpu: &Gpu, buffer: &GpuBuffer<u32>) {
    let (graph, target) = (Graph::new(gpu, "clear"), buffer.clone());
    graph.pass("clear").writes(buffer.copy_target()).record(move |cmd| {
        cmd.fill(&target, 0..target.len(), 0);
    });
    graph.submit().await.expect("submitted");
}

/// How many items were taken from a stream.
#[derive(Clone, Default)]
struct Taken(Arc<AtomicUsize>);

impl Taken {
    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }

    fn of<S: Stream>(&self, stream: S) -> impl Stream<Item = S::Item> + use<S> {
        let taken = self.clone();
        stream.inspect(move |_| {
            taken.0.fetch_add(1, SeqCst);
        })
    }
}

fn item(value: usize) -> Vec<u32> {
    vec![value as u32; ITEM]
}

fn items(values: impl IntoIterator<Item = usize>) -> impl Stream<Item = io::Result<Vec<u32>>> {
    stream::iter(values.into_iter().map(|value| Ok(item(value))).collect::<Vec<_>>())
}

#[tokio::test]
async fn items_are_written_one_after_the_other() {
    let gpu = strict_gpu();
    let buffer = buffer(&gpu);
    clear(&gpu, &buffer).await;
    let before = gpu.counters().submits;
    let sizes = [1, 0, 999, 3000, 0, 0, 17];
    let data = sizes.map(|size| Ok::<_, Infallible>((0..size).map(|i| size + i).collect::<Vec<u32>>()));
    let uploaded = soon("a stream", gpu.upload_stream(&buffer, 5, stream::iter(data.clone()))).await.expect("uploaded");
    assert_eq!(uploaded.elements, 4017);
    assert_eq!(gpu.counters().submits, before + 4, "one for each item that is not empty");
    soon("the copies", uploaded.done).await.expect("complete");
    let mut expected = vec![0; 5];
    expected.extend(data.into_iter().flat_map(|item| item.expect("an item")));
    expected.resize(buffer.len(), 0);
    assert!(contents(&gpu, &buffer).await == expected);
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn a_source_that_fails_is_an_error_with_what_was_written_before() {
    let gpu = strict_gpu();
    let buffer = buffer(&gpu);
    clear(&gpu, &buffer).await;
    for good in [0, 1, 4] {
        let taken = Taken::default();
        let broken = stream::once(async { Err(io::Error::other("the disk is gone")) });
        let source = taken.of(items((0..good).map(|i| 10 * good + i)).chain(broken).chain(items([77])));
        let error = soon("a stream", gpu.upload_stream(&buffer, 0, source)).await.expect_err("it fails");
        let Error::StreamFailed { buffer: name, elements, source } = &error else { panic!("{error:?}") };
        assert_eq!((name.as_str(), *elements, taken.count()), ("words", good * ITEM, good + 1));
        assert_eq!(source.downcast_ref::<io::Error>().expect("kept").to_string(), "the disk is gone");
        assert!(error.to_string().contains("the disk is gone"), "{error}");
        let words = contents(&gpu, &buffer).await;
        assert!((0..good).all(|i| words[i * ITEM..][..ITEM] == item(10 * good + i)), "{good}");
        assert!(words[4 * ITEM..].iter().all(|&word| word == 0));
    }
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn an_item_beyond_the_buffer_is_not_written_nor_what_comes_after_it() {
    let gpu = strict_gpu();
    let buffer = buffer(&gpu);
    clear(&gpu, &buffer).await;
    let (taken, before) = (Taken::default(), gpu.counters().submits);
    let at = (ITEMS - 3) * ITEM + 1; // two fit
    let error = soon("a stream", gpu.upload_stream(&buffer, at, taken.of(items(1..9)))).await.expect_err("too long");
    let told = matches!(&error, Error::Invalid(why) if why.contains("`words`") && why.contains("the 2000 before it"));
    assert!(told, "{error}");
    assert_eq!((taken.count(), gpu.counters().submits), (3, before + 2));
    let words = contents(&gpu, &buffer).await;
    assert!(words[at..][..2 * ITEM] == [item(1), item(2)].concat());
    assert!(words[at + 2 * ITEM..].iter().all(|&word| word == 0));
    drop(buffer);
    close(gpu).await;
}

#[tokio::test]
async fn what_has_nothing_to_write_or_no_place_for_it_is_an_error() {
    let gpu = strict_gpu();
    let (buffer, taken) = (buffer(&gpu), Taken::default());
    let nothing = stream::iter(vec![Ok::<_, Infallible>(Vec::<u32>::new()); 5]);
    for source in [nothing.boxed(), stream::empty().boxed()] {
        let error = soon("a stream", gpu.upload_stream(&buffer, 0, source)).await.expect_err("nothing");
        assert!(matches!(&error, Error::Invalid(why) if why.contains("0 elements")), "{error}");
    }
    for at in [buffer.len() + 1, usize::MAX] {
        let source = taken.of(items([1]));
        let error = soon("a stream", gpu.upload_stream(&buffer, at, source)).await.expect_err("beyond");
        assert!(matches!(&error, Error::Invalid(why) if why.contains("beyond")), "{error}");
    }
    assert_eq!((taken.count(), gpu.counters().submits), (0, 0));
    // At the end there is room for nothing, which the first item finds.
    let error = soon("a stream", gpu.upload_stream(&buffer, buffer.len(), items([1]))).await.expect_err("full");
    assert!(matches!(error, Error::Invalid(_)), "{error}");

    // The stream has more to come, but never does: the failure does not wait for it.
    let other = strict_gpu();
    let endless = items([1]).chain(stream::pending());
    let error = soon("a stream", other.upload_stream(&buffer, 0, endless)).await.expect_err("a buffer of another Gpu");
    assert!(matches!(error, Error::Graph(_)), "{error}");
    assert_eq!((gpu.counters().submits, other.counters().submits), (0, 0));
    drop(buffer);
    close(other).await;
    close(gpu).await;
}

#[tokio::test]
async fn the_source_is_asked_only_when_there_is_room() {
    let gpu = strict_gpu();
    let (buffer, gate, taken) = (buffer(&gpu), Gate::new(&gpu), Taken::default());
    let graph = Graph::on(&gpu, "held", QueueKind::Transfer);
    let target = buffer.clone();
    graph.pass("held").writes(buffer.copy_target()).record(move |cmd| {
        cmd.fill(&target, 0..target.len(), 0);
    });
    gate.hold(&graph);
    graph.submit().await.expect("submitted");

    let before = gpu.counters().submits;
    let upload = tokio::spawn(gpu.upload_stream(&buffer, 0, taken.of(items(1..=ITEMS))));
    until("three items", || taken.count() == 3).await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(taken.count(), 3, "the GPU is busy");
    assert!(gpu.counters().submits <= before + 3);
    gate.open();
    let uploaded = soon("the stream", upload).await.expect("a task").expect("uploaded");
    assert_eq!((taken.count(), uploaded.elements), (ITEMS, buffer.len()));
    soon("the copies", uploaded.done).await.expect("complete");
    assert!(contents(&gpu, &buffer).await == (1..=ITEMS).flat_map(item).collect::<Vec<_>>());
    drop((buffer, gate));
    close(gpu).await;
}

#[tokio::test]
async fn the_next_item_is_awaited_while_one_is_uploaded() {
    let gpu = strict_gpu();
    let buffer = buffer(&gpu);
    let (send, receive) = tokio::sync::oneshot::channel();
    let late = stream::once(async { Ok(receive.await.expect("sent")) });
    let before = gpu.counters().submits;
    let upload = tokio::spawn(gpu.upload_stream(&buffer, 0, items([1]).chain(late)));
    // The first item does not wait for the second.
    until("the first item", || gpu.counters().submits == before + 1).await;
    assert!(!upload.is_finished());
    send.send(item(2)).expect("awaited");
    let uploaded = soon("the stream", upload).await.expect("a task").expect("uploaded");
    assert_eq!(uploaded.elements, 2 * ITEM);
    drop(uploaded);
    let read = soon("a read", gpu.read(&buffer, 0..2 * ITEM)).await.expect("read");
    assert!(*read == [item(1), item(2)].concat());
    drop((read, buffer));
    close(gpu).await;
}

#[tokio::test]
async fn dropped_at_any_point_it_leaves_the_first_items_whole_and_the_others_as_they_were() {
    let gpu = strict_gpu();
    let buffer = buffer(&gpu);
    clear(&gpu, &buffer).await;
    let (mut random, mut stopped) = (Random(seed()), 0);
    for round in 1..=60 {
        let source = items((0..ITEMS).map(|_| round)).then(|item| async {
            for _ in 0..4 {
                tokio::task::yield_now().await;
            }
            item
        });
        let mut upload = Box::pin(gpu.upload_stream(&buffer, 0, source));
        // Every item takes four polls or more.
        let polls = random.bits() % 60;
        let mut pending = (0..polls).map(|_| {
            std::thread::sleep(Duration::from_micros(random.bits() % 20));
            poll_once(&mut upload).is_pending()
        });
        stopped += usize::from(pending.all(|pending| pending));
        drop(upload);
        let words = contents(&gpu, &buffer).await;
        let rounds: Vec<u32> = words.chunks(ITEM).map(|item| item[0]).collect();
        assert!(words.chunks(ITEM).all(|item| item.iter().all(|&word| word == item[0])), "half an item: {rounds:?}");
        assert!(rounds.is_sorted_by(|early, late| early >= late), "a gap: {rounds:?}");
    }
    assert!(stopped > 20, "{stopped} of 60 were stopped on the way");
    drop(buffer);
    close(gpu).await;
}

#[test]
fn it_needs_no_runtime() {
    let gpu = strict_gpu();
    let buffer = buffer(&gpu);
    let read = futures::executor::block_on(async {
        let uploaded = gpu.upload_stream(&buffer, 0, items(1..=ITEMS)).await.expect("uploaded");
        uploaded.done.await.expect("complete");
        gpu.read(&buffer, 0..buffer.len()).await.expect("read").to_vec()
    });
    assert!(read == (1..=ITEMS).flat_map(item).collect::<Vec<_>>());
    drop(buffer);
    futures::executor::block_on(close(gpu));
}
