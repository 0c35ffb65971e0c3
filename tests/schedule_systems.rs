//! Schedules of systems of the CPU and the GPU, in graphs and frames: what reaches whom, who waits, and who lets go when.

mod common;
mod filling;

use std::sync::Arc;

use common::{Hold, close, poll_once, recorded, soon, strict_gpu};
use filling::{Add, Fill, Number, WORDS, complete, read, words};
use vulkio::{
    CpuData, Encoder, Error, Gpu, GpuBuffer, GpuImage, Graph, ImageDesc, Record, Registry, RenderTarget, Renderer,
    Result, Run, Schedule, System, TransientBuffer,
};

#[derive(System)]
#[writes(Number)]
struct Count;

impl Run for Count {
    async fn run(&self, (): (), number: &mut Number) -> Result<()> {
        tokio::task::yield_now().await;
        number.0 += 1;
        Ok(())
    }
}

#[derive(System)]
#[reads(Number)]
#[writes(GpuBuffer<u32> as copy = "from")]
struct Upload;

impl Record for Upload {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let number = cmd.read(&cmd.found::<CpuData<Number>>()?)?;
        cmd.fill(&cmd.found::<GpuBuffer<u32>>()?, 0..WORDS, number.0);
        Ok(())
    }
}

#[derive(System)]
#[reads(GpuBuffer<u32> as copy = "from")]
#[writes(GpuBuffer<u32> as copy = "to")]
struct Copy;

impl Record for Copy {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let several = cmd.found::<GpuBuffer<u32>>().expect_err("there are two").to_string();
        assert!(several.ends_with("say which with `cmd.found_named(..)`: `from`, `to`"), "{several}");
        let [from, to] = ["from", "to"].map(|name| cmd.found_named::<GpuBuffer<u32>>(name));
        cmd.copy(&from?, 0..WORDS, &to?, 0);
        Ok(())
    }
}

#[derive(System)]
#[writes(GpuImage<RenderTarget> as clear([1.0, 0.0, 1.0, 1.0]))]
struct Paint;

impl Record for Paint {
    fn record(&self, _: &mut Encoder<'_>) -> Result<()> {
        Ok(())
    }
}

#[derive(Schedule)]
struct Pipeline {
    #[stage(after = "upload")]
    copy: (Copy,),
    #[stage(after = "count")]
    upload: (Upload, Paint),
    #[stage]
    count: (Count,),
}

fn pipeline() -> Arc<Pipeline> {
    Arc::new(Pipeline { copy: (Copy,), upload: (Upload, Paint), count: (Count,) })
}

/// A registry of two buffers of words and their number.
fn registry(gpu: &Gpu) -> (Registry, GpuBuffer<u32>) {
    let (registry, to) = (Registry::new(), words(gpu, "to"));
    registry.insert("number", CpuData::new(Number(0)));
    registry.insert("from", words(gpu, "from"));
    registry.insert("to", to.clone());
    (registry, to)
}

async fn frames_come_one_after_the_other(gpu: &Gpu) {
    let (registry, to) = registry(gpu);
    let renderer = Renderer::headless(gpu, [8, 4]).expect("a renderer");
    let schedule = pipeline();
    let mut last = None;
    for n in 1..=5 {
        let frame = soon("a frame", renderer.frame()).await.expect("a frame");
        registry.insert("target", frame.target());
        let scheduled = frame.run(&schedule, &registry).expect("a legal schedule");
        let stats = frame.plan_stats().expect("a plan");
        assert_eq!((stats.passes, stats.waves, stats.barriers), (3, 2, 1));
        let capture = frame.capture();
        let done = soon("a submit", frame.submit()).await.expect("submitted");
        soon("the systems", scheduled.finished()).await.expect("they ran");
        let picture = soon("a picture", capture).await.expect("a picture");
        assert_eq!(picture.bytes(), [255, 0, 255, 255].repeat(32));
        soon("a frame", done).await.expect("complete");
        assert_eq!(read(gpu, &to).await, n);
        last = Some(scheduled);
    }
    soon("the last again", last.expect("there was one").finished()).await.expect("it stays so");
}

#[tokio::test]
async fn systems_find_what_they_touch_and_hand_it_on_frame_by_frame_on_one_thread() {
    let gpu = strict_gpu();
    frames_come_one_after_the_other(&gpu).await;
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn systems_find_what_they_touch_and_hand_it_on_frame_by_frame_on_many_threads() {
    let gpu = strict_gpu();
    frames_come_one_after_the_other(&gpu).await;
    close(gpu).await;
}

#[tokio::test]
async fn what_a_system_lacks_in_the_registry_is_told_with_its_name_and_nothing_has_begun() {
    let gpu = strict_gpu();
    let (registry, _to) = registry(&gpu);
    registry.remove::<GpuBuffer<u32>>("from");
    let graph = Graph::new(&gpu, "words");
    let error = graph.run(&pipeline(), &registry).expect_err("no `from`").to_string();
    let expected = "graph: system `Upload`: no `GpuBuffer<u32>` in the registry is called `from`; there is `to`";
    assert_eq!(error, expected);
    assert_eq!(graph.plan_stats().expect("a plan").passes, 0);
    let number = registry.get::<CpuData<Number>>().expect("a number");
    assert_eq!(soon("the number", number.read()).await.0, 0);
    drop((graph, registry));
    close(gpu).await;
}

#[tokio::test]
async fn a_pass_keeps_what_it_reads_until_it_is_recorded() {
    let gpu = strict_gpu();
    let (number, words) = (CpuData::new(Number(3)), words(&gpu, "words"));
    let graph = Graph::new(&gpu, "words");
    let fill = Fill { number: number.clone(), words: words.clone() };
    let nothing = graph.add_from(&Registry::new(), fill).expect("added");
    soon("no system of the CPU", nothing.finished()).await.expect("nothing to wait for");
    recorded().await;
    let mut write = Box::pin(number.write());
    assert!(poll_once(&mut write).is_pending(), "the pass is to see 3");
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("the number", write).await.0 = 4;
    soon("the graph", done).await.expect("complete");
    assert_eq!(read(&gpu, &words).await, 3);
    close(gpu).await;
}

#[tokio::test]
async fn the_next_run_writes_what_a_pass_has_looked_at_while_the_graph_is_still_recorded() {
    let gpu = strict_gpu();
    let (number, [one, two]) = (CpuData::new(Number(3)), ["one", "two"].map(|name| words(&gpu, name)));
    let (first, second) = (Graph::new(&gpu, "first"), Graph::new(&gpu, "second"));
    let registry = Registry::new();
    let look = |words: &GpuBuffer<u32>| Fill { number: number.clone(), words: words.clone() };
    let _ = first.add_from(&registry, look(&one)).expect("added");
    let added = second.add_from(&registry, Add { number: number.clone(), by: 2 }).expect("added");
    let _ = second.add_from(&registry, look(&two)).expect("added");
    let mut later = tokio::spawn(second.submit());
    recorded().await;
    assert!(poll_once(&mut later).is_pending(), "the first graph is not submitted yet");
    complete(first).await;
    soon("the addition", added.finished()).await.expect("it ran");
    let done = soon("the second", later).await.expect("no panic").expect("submitted");
    soon("the second", done).await.expect("complete");
    assert_eq!((read(&gpu, &one).await, read(&gpu, &two).await), (3, 5));
    close(gpu).await;
}

/// Writes a transient that nobody reads.
#[derive(System)]
struct Unread {
    #[reads]
    number: CpuData<Number>,
    #[writes(copy)]
    words: TransientBuffer<u32>,
}

impl Record for Unread {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.fill(&self.words, 0..WORDS, cmd.read(&self.number)?.0);
        Ok(())
    }
}

#[tokio::test]
async fn a_pass_that_is_culled_lets_go_of_what_it_would_have_read() {
    let gpu = strict_gpu();
    let number = CpuData::new(Number(3));
    let graph = Graph::new(&gpu, "culled");
    let words = graph.buffer("words", WORDS).expect("a transient");
    let _ = graph.add_from(&Registry::new(), Unread { number: number.clone(), words }).expect("added");
    recorded().await;
    let mut write = Box::pin(number.write());
    assert!(poll_once(&mut write).is_pending());
    let stats = graph.plan_stats().expect("a plan");
    assert_eq!((stats.passes, stats.culled), (0, 1));
    complete(graph).await;
    drop(soon("the number", write).await);
    close(gpu).await;
}

#[tokio::test]
async fn a_dropped_graph_lets_go_of_all_that_its_systems_read_and_write() {
    let gpu = strict_gpu();
    let (number, words) = (CpuData::new(Number(3)), words(&gpu, "words"));
    for turns in 0..4 {
        let graph = Graph::new(&gpu, "dropped");
        let registry = Registry::new();
        let _ = graph.add_from(&registry, Fill { number: number.clone(), words: words.clone() }).expect("added");
        let added = graph.add_from(&registry, Add { number: number.clone(), by: 1 }).expect("added");
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        drop(graph);
        assert!(matches!(soon("the addition", added.finished()).await, Err(Error::Cancelled)));
        assert_eq!(soon("the number", number.write()).await.0, 3, "it waits for the pass for ever");
    }
    assert_eq!(gpu.counters().submits, 0);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_that_is_dropped_while_it_records_lets_go_of_everything() {
    let gpu = strict_gpu();
    let (number, words) = (CpuData::new(Number(3)), words(&gpu, "words"));
    let graph = Graph::new(&gpu, "dropped");
    let _ = graph.add_from(&Registry::new(), Fill { number: number.clone(), words: words.clone() }).expect("added");
    let (mut hold, wait) = Hold::new();
    let job = graph.job("never", std::future::pending::<()>());
    graph.pass("held").after(&graph.job("now", async {})).keep().record(move |_| wait());
    graph.pass("never").after(&job).keep().record(|_| ());
    let submit = tokio::spawn(graph.submit());
    hold.entered().await;
    let mut write = Box::pin(number.write());
    soon("the number", &mut write).await.0 = 4; // the pass was recorded
    let mut fill = Box::pin(number.write());
    drop(soon("the number", &mut fill).await);
    submit.abort();
    hold.release();
    assert!(submit.await.expect_err("aborted").is_cancelled());
    assert_eq!(gpu.counters().submits, 0);
    close(gpu).await;
}

/// Fails as long as the number is odd.
#[derive(System)]
struct Picky {
    #[writes]
    number: CpuData<Number>,
}

impl Run for Picky {
    async fn run(&self, (): (), number: &mut Number) -> Result<()> {
        let odd = number.0 % 2 == 1;
        number.0 += 1;
        if odd { Err(Error::Invalid(format!("{} is odd", number.0 - 1))) } else { Ok(()) }
    }
}

#[derive(Schedule)]
struct Fragile {
    #[stage]
    write: (Picky,),
    #[stage(after = "write")]
    look: (Fill,),
}

#[tokio::test]
async fn a_graph_fails_with_the_error_of_the_system_whose_data_its_pass_reads_and_the_next_does_not() {
    let gpu = strict_gpu();
    let (number, words) = (CpuData::new(Number(3)), words(&gpu, "words"));
    let fill = Fill { number: number.clone(), words: words.clone() };
    let schedule = Arc::new(Fragile { write: (Picky { number: number.clone() },), look: (fill,) });
    let graph = Graph::new(&gpu, "fragile");
    let scheduled = graph.run(&schedule, &Registry::new()).expect("a legal schedule");
    let error = soon("a submit", graph.submit()).await.map(drop).expect_err("3 is odd");
    assert_eq!(error.to_string(), "job `Picky`: 3 is odd");
    let error = soon("the systems", scheduled.finished()).await.expect_err("3 is odd");
    assert_eq!(error.to_string(), "job `Picky`: 3 is odd");
    assert_eq!(gpu.counters().submits, 0);
    let graph = Graph::new(&gpu, "afresh");
    let _ = graph.run(&schedule, &Registry::new()).expect("a legal schedule");
    complete(graph).await;
    assert_eq!(read(&gpu, &words).await, 5);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_tasks_run_the_same_schedule_at_once() {
    let gpu = strict_gpu();
    let (registry, to) = registry(&gpu);
    let target = gpu.image_with::<RenderTarget>("target", ImageDesc::new([4, 4])).expect("an image");
    registry.insert("target", target);
    let schedule = pipeline();
    let tasks = [(); 2].map(|()| {
        let (gpu, registry, schedule) = (gpu.clone(), registry.clone(), Arc::clone(&schedule));
        tokio::spawn(async move {
            for _ in 0..20 {
                let graph = Graph::new(&gpu, "words");
                let scheduled = graph.run(&schedule, &registry).expect("a legal schedule");
                complete(graph).await;
                scheduled.finished().await.expect("they ran");
            }
        })
    });
    for task in tasks {
        soon("a task", task).await.expect("no panic");
    }
    let number = registry.get::<CpuData<Number>>().expect("a number");
    assert_eq!(soon("the number", number.read()).await.0, 40);
    // The last graph to be submitted may be that of the last run but one.
    assert!((39..=40).contains(&read(&gpu, &to).await));
    drop((registry, schedule, to));
    close(gpu).await;
}

#[tokio::test]
async fn in_any_order_the_stages_still_say_who_comes_first() {
    let gpu = strict_gpu();
    let number = CpuData::new(Number(2));
    let [from, to, own] = ["from", "to", "own"].map(|name| words(&gpu, name));
    complete({
        let graph = Graph::new(&gpu, "before");
        let own = from.clone();
        graph.pass("fill").writes(from.copy_target()).record(move |cmd| _ = cmd.fill(&own, 0..WORDS, 9));
        graph
    })
    .await;
    #[derive(Schedule)]
    struct ReadFirst {
        #[stage(after = "look")]
        write: (Fill,),
        #[stage(after = "write")]
        again: (Again,),
        #[stage]
        look: (Look,),
    }
    let schedule = Arc::new(ReadFirst {
        write: (Fill { number: number.clone(), words: from.clone() },),
        again: (Again { from: from.clone(), to: own.clone() },),
        look: (Look { from: from.clone(), to: to.clone() },),
    });
    let graph = Graph::new(&gpu, "any order");
    graph.any_order();
    let _ = graph.run(&schedule, &Registry::new()).expect("a legal schedule");
    complete(graph).await;
    assert_eq!([read(&gpu, &to).await, read(&gpu, &own).await, read(&gpu, &from).await], [9, 2, 2]);
    close(gpu).await;
}

#[derive(System)]
struct Look {
    #[reads(copy)]
    from: GpuBuffer<u32>,
    #[writes(copy)]
    to: GpuBuffer<u32>,
}

impl Record for Look {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.copy(&self.from, 0..WORDS, &self.to, 0);
        Ok(())
    }
}

#[derive(System)]
struct Again {
    #[reads(copy)]
    from: GpuBuffer<u32>,
    #[writes(copy)]
    to: GpuBuffer<u32>,
}

impl Record for Again {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.copy(&self.from, 0..WORDS, &self.to, 0);
        Ok(())
    }
}

#[derive(Schedule)]
struct Beside {
    #[stage]
    all: (Look, Again),
}

#[tokio::test]
async fn systems_of_one_stage_that_touch_the_same_buffer_are_an_error_with_its_name() {
    let gpu = strict_gpu();
    let [a, b, c] = ["a", "b", "c"].map(|name| words(&gpu, name));
    let beside = |[from, to]: [&GpuBuffer<u32>; 2], [from2, to2]: [&GpuBuffer<u32>; 2]| {
        let look = Look { from: from.clone(), to: to.clone() };
        Arc::new(Beside { all: (look, Again { from: from2.clone(), to: to2.clone() }) })
    };
    let graph = Graph::new(&gpu, "beside");
    let run = |schedule: Arc<Beside>| graph.run(&schedule, &Registry::new()).map(drop);
    let error = run(beside([&a, &b], [&b, &c])).expect_err("`b` is written and read").to_string();
    let expected = "graph: systems `Look` and `Again` of stage `all` both touch `b`, `Look` writes it, and nothing says which \
                    comes first; move the one that comes second to a stage that is `after = \"all\"`";
    assert_eq!(error, expected);
    assert!(run(beside([&a, &b], [&c, &b])).expect_err("`b` is written twice").to_string().contains("both write it"));
    assert_eq!(graph.plan_stats().expect("a plan").passes, 0, "nothing was added");
    run(beside([&a, &b], [&a, &c])).expect("both only read `a`");
    assert_eq!(graph.plan_stats().expect("a plan").passes, 2);
    drop(graph);
    close(gpu).await;
}

/// Asks for what it did not declare.
#[derive(System)]
struct Curious {
    #[writes(copy)]
    words: GpuBuffer<u32>,
    other: Arc<CpuData<Number>>,
}

impl Record for Curious {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        cmd.fill(&self.words, 0..WORDS, 1);
        assert!(cmd.found::<GpuImage<RenderTarget>>().is_err() && cmd.found_named::<GpuBuffer<u32>>("a").is_err());
        cmd.read(&self.other).map(drop)
    }
}

#[tokio::test]
async fn what_a_system_does_not_declare_it_does_not_get() {
    let gpu = strict_gpu();
    let curious = || Curious { words: words(&gpu, "words"), other: Arc::new(CpuData::new(Number(1))) };
    let graph = Graph::new(&gpu, "curious");
    let _ = graph.add_from(&Registry::new(), curious()).expect("added");
    let error = soon("a submit", graph.submit()).await.map(drop).expect_err("undeclared").to_string();
    assert!(error.contains("pass `Curious`: graph: it reads CPU data `Number`, which it does not declare;"), "{error}");
    let graph = Graph::new(&gpu, "no schedule");
    graph.add(curious());
    let error = soon("a submit", graph.submit()).await.map(drop).expect_err("undeclared").to_string();
    assert!(error.contains("is no system of a schedule; add it with `run` or `add_from`"), "{error}");
    close(gpu).await;
}
