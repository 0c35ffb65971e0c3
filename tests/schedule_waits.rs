//! Passes of a schedule that wait for what other passes of their graph let go.

mod common;
mod filling;

use std::{sync::Arc, thread};

use common::{close, soon, strict_gpu, until};
use filling::{Add, Fill, Number, WORDS, complete, read, words};
use futures::executor::block_on;
use tokio::runtime::Builder;
use vulkio::{CpuData, Encoder, Gpu, GpuBuffer, Graph, Record, Registry, Result, Run, Schedule, System};

/// Copies words to a buffer, if only its number is known.
#[derive(System)]
struct Move {
    #[reads(copy)]
    from: GpuBuffer<u32>,
    #[reads]
    number: CpuData<Number>,
    #[writes(copy)]
    to: GpuBuffer<u32>,
}

impl Record for Move {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        assert_eq!(cmd.read(&self.number)?.0, 1);
        cmd.copy(&self.from, 0..WORDS, &self.to, 0);
        Ok(())
    }
}

/// What a pass of the first stage but one has looked at is written, and the pass of the last stage waits for that. In the
/// plan the last comes before: it waits for no other pass.
#[derive(Schedule)]
struct Crossed {
    #[stage]
    first: (Fill,),
    #[stage(after = "first")]
    look: (Move,),
    #[stage(after = "look")]
    write: (Add, Add),
    #[stage(after = "write")]
    last: (Fill,),
}

fn crossed(gpu: &Gpu) -> (Arc<Crossed>, [GpuBuffer<u32>; 3]) {
    let [seven, x, y] = [7, 1, 10].map(|n| CpuData::new(Number(n)));
    let [from, to, last] = ["from", "to", "last"].map(|name| words(gpu, name));
    let schedule = Crossed {
        first: (Fill { number: seven.clone(), words: from.clone() },),
        look: (Move { from: from.clone(), number: x.clone(), to: to.clone() },),
        write: (Add { number: x.clone(), by: 1 }, Add { number: y.clone(), by: 1 }),
        last: (Fill { number: y, words: last.clone() },),
    };
    (Arc::new(schedule), [from, to, last])
}

/// As [`Crossed`], with one system that writes what the pass has looked at and what the last one waits for.
#[derive(System)]
struct Both {
    #[writes]
    seen: CpuData<Number>,
    #[writes]
    awaited: CpuData<Number>,
}

impl Run for Both {
    async fn run(&self, (): (), (seen, awaited): (&mut Number, &mut Number)) -> Result<()> {
        (seen.0, awaited.0) = (2, 11);
        Ok(())
    }
}

#[derive(Schedule)]
struct Knot {
    #[stage]
    first: (Fill,),
    #[stage(after = "first")]
    look: (Move,),
    #[stage(after = "look")]
    write: (Both,),
    #[stage(after = "write")]
    last: (Fill,),
}

fn knot(gpu: &Gpu) -> (Arc<Knot>, [GpuBuffer<u32>; 3]) {
    let [seven, seen, awaited] = [7, 1, 10].map(|n| CpuData::new(Number(n)));
    let [from, to, last] = ["from", "to", "last"].map(|name| words(gpu, name));
    let schedule = Knot {
        first: (Fill { number: seven, words: from.clone() },),
        look: (Move { from: from.clone(), number: seen.clone(), to: to.clone() },),
        write: (Both { seen, awaited: awaited.clone() },),
        last: (Fill { number: awaited, words: last.clone() },),
    };
    (Arc::new(schedule), [from, to, last])
}

async fn passes_wait_for_what_other_passes_let_go(gpu: &Gpu) {
    let (schedule, buffers) = crossed(gpu);
    let graph = Graph::new(gpu, "crossed");
    let scheduled = graph.run(&schedule, &Registry::new()).expect("a legal schedule");
    complete(graph).await;
    soon("the systems", scheduled.finished()).await.expect("they ran");
    let [from, to, last] = &buffers;
    assert_eq!([read(gpu, from).await, read(gpu, to).await, read(gpu, last).await], [7, 7, 11]);
    let (schedule, [_, to, last]) = knot(gpu);
    let graph = Graph::new(gpu, "knot");
    let _ = graph.run(&schedule, &Registry::new()).expect("a legal schedule");
    complete(graph).await;
    assert_eq!([read(gpu, &to).await, read(gpu, &last).await], [7, 11]);
}

#[tokio::test]
async fn passes_of_one_graph_wait_for_what_others_let_go_on_one_thread() {
    let gpu = strict_gpu();
    passes_wait_for_what_other_passes_let_go(&gpu).await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn passes_of_one_graph_wait_for_what_others_let_go_on_many_threads() {
    let gpu = strict_gpu();
    passes_wait_for_what_other_passes_let_go(&gpu).await;
    close(gpu).await;
}

#[test]
fn passes_of_one_graph_wait_for_what_others_let_go_on_another_executor() {
    let gpu = strict_gpu();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (schedule, [_, to, last]) = knot(&gpu);
    let graph = Graph::new(&gpu, "knot");
    let entered = runtime.enter();
    let _ = graph.run(&schedule, &Registry::new()).expect("a legal schedule");
    drop(entered);
    let ended = thread::spawn(move || block_on(async { graph.submit().await?.await.map(drop) }));
    runtime.block_on(async {
        until("the graph is recorded in its own poll", || ended.is_finished()).await;
        ended.join().expect("no panic").expect("complete");
        assert_eq!([read(&gpu, &to).await, read(&gpu, &last).await], [7, 11]);
        close(gpu).await;
    });
}
