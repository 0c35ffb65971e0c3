//! Spans of frames and passes, as a subscriber sees them.

mod common;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{close, soon, strict_gpu, until};
use tracing::{
    Instrument, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};
use tracing_subscriber::{
    layer::{Context, Layer, SubscriberExt},
    registry::LookupSpan,
};
use vulkio::{Frame, Gpu, Renderer, RendererOptions};

const FRAME: &str = "vulkio::frame";
const PASS: &str = "vulkio::pass";

/// A span as far as it has come.
#[derive(Clone, Debug)]
struct Seen {
    target: String,
    /// Index of its parent, if that was seen, and whether it was named as such.
    parent: Option<usize>,
    explicit: bool,
    /// In the order in which they were recorded; one that was recorded twice is there twice.
    fields: Vec<(&'static str, String)>,
    closed: bool,
}

impl Seen {
    #[track_caller]
    fn number(&self, field: &str) -> f64 {
        let value = self.value(field).unwrap_or_else(|| panic!("no {field}: {self:?}"));
        value.parse().unwrap_or_else(|_| panic!("{field} is no number: {self:?}"))
    }

    fn value(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, value)| value.as_str())
    }

    fn names(&self) -> Vec<&'static str> {
        self.fields.iter().map(|(name, _)| *name).collect()
    }
}

/// Fields as text.
struct Fields<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), value.to_owned()));
    }
}

/// Everything there was, and which of it is still open, by id: ids are used again.
#[derive(Default)]
struct Log {
    all: Vec<Seen>,
    open: HashMap<u64, usize>,
}

/// Listens while somebody wants to hear.
#[derive(Clone, Default)]
struct Recorder {
    listens: Arc<AtomicBool>,
    log: Arc<Mutex<Log>>,
}

impl Recorder {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, target: &str) -> Vec<Seen> {
        self.log().all.iter().filter(|span| span.target == target).cloned().collect()
    }

    fn all_closed(&self) -> bool {
        self.log().all.iter().all(|span| span.closed)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recorder {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.listens.load(Ordering::Relaxed)
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| span.parent()).map(|parent| parent.id().into_u64());
        let mut log = self.log();
        let mut fields = Vec::new();
        attributes.record(&mut Fields(&mut fields));
        let parent = parent.and_then(|parent| log.open.get(&parent).copied());
        let (target, explicit) = (attributes.metadata().target().to_owned(), attributes.parent().is_some());
        let index = log.all.len();
        log.all.push(Seen { target, parent, explicit, fields, closed: false });
        log.open.insert(id.into_u64(), index);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        let mut log = self.log();
        let index = log.open[&id.into_u64()];
        values.record(&mut Fields(&mut log.all[index].fields));
    }

    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        let mut log = self.log();
        if let Some(index) = log.open.remove(&id.into_u64()) {
            log.all[index].closed = true;
        }
    }
}

/// The process's recorder, listening or not, for one test at a time.
async fn recorder(listens: bool) -> (Recorder, tokio::sync::MutexGuard<'static, ()>) {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    let alone = ALONE.lock().await;
    let recorder = RECORDER.get_or_init(|| {
        let recorder = Recorder::default();
        // Of the whole process: spans are made on workers, and end on the reactor's thread.
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(recorder.clone()))
            .expect("the first subscriber");
        recorder
    });
    recorder.listens.store(listens, Ordering::Relaxed);
    *recorder.log() = Log::default();
    (recorder.clone(), alone)
}

fn renderer(gpu: &Gpu, pass_timestamps: bool) -> Renderer {
    let options = RendererOptions::default().in_place_below(Duration::ZERO).pass_timestamps(pass_timestamps);
    Renderer::with_options(gpu, [16, 16], options).expect("a renderer")
}

const PASSES: [&str; 4] = ["clear", "many", "load", "open"];

/// Whether it is called within a pass's span.
fn is_inside() {
    let current = tracing::Span::current();
    assert_eq!(current.metadata().map(Metadata::target), Some(PASS), "{current:?}");
}

/// One pass, one in shares, one more, and one that is recorded here.
fn declare(frame: &Frame) {
    let target = frame.target();
    frame.pass("clear").renders(target.clear([0.0, 0.0, 0.0, 1.0])).record(|_| is_inside());
    frame.pass("many").renders(target.load()).parallel(1_000_000, |_, _| is_inside());
    frame.pass("load").renders(target.load()).record(|_| ());
    let open = frame.pass("open").renders(target.load()).open();
    frame.with_encoder(open, |_| ()).expect("recorded");
}

async fn run(frame: Frame) {
    let done = soon("the submit", frame.submit()).await.expect("submitted");
    soon("the frame", done).await.expect("complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_pass_ends_with_its_times_once_under_the_span_of_its_frame() {
    let (recorder, _alone) = recorder(true).await;
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, true);
    for _ in 0..3 {
        let frame = renderer.frame().await.expect("a frame");
        declare(&frame);
        run(frame).await;
    }
    drop(renderer);
    until("all spans end", || recorder.all_closed()).await;
    let (frames, passes) = (recorder.of(FRAME), recorder.of(PASS));

    let numbers: Vec<_> = frames.iter().map(|frame| frame.number("frame")).collect();
    assert_eq!(numbers, [0.0, 1.0, 2.0], "frames are counted");
    for frame in &frames {
        assert_eq!(frame.names(), ["frame", "name", "gpu_us"], "each once: {frame:?}");
        assert!(frame.number("gpu_us") >= 0.0, "{frame:?}");
    }

    let all = recorder.log().all.clone();
    let mut measured: BTreeMap<(u64, &str), usize> = BTreeMap::new();
    for pass in &passes {
        let parent = &all[pass.parent.expect("a parent")];
        assert!(pass.explicit && parent.target == FRAME, "{pass:?} under {parent:?}");
        assert_eq!(pass.number("frame"), parent.number("frame"), "{pass:?} under {parent:?}");
        let names = pass.names();
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len(), "something twice: {pass:?}");
        assert_eq!(names[..3], ["frame", "pass", "worker"], "{pass:?}");
        assert!(pass.number("cpu_us") > 0.0 && pass.number("worker") >= 0.0, "{pass:?}");
        let key = (pass.number("frame") as u64, pass.value("pass").expect("a name"));
        *measured.entry(key).or_default() += usize::from(names.contains(&"gpu_us"));
        if names.contains(&"gpu_us") {
            assert!((0.0..1e9).contains(&pass.number("gpu_us")), "{pass:?}");
        }
    }
    // A pass in shares has a span for each of them, and one time on the GPU.
    let expected: BTreeMap<_, _> = (0..3).flat_map(|frame| PASSES.map(|pass| ((frame, pass), 1))).collect();
    assert_eq!(measured, expected);
    let shares = passes.iter().filter(|pass| pass.value("pass") == Some("many") && pass.number("frame") == 0.0);
    assert!(shares.count() > 1, "a million items are guessed to be worth more than one task");
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passes_have_no_gpu_time_where_nobody_asked_for_it() {
    let (recorder, _alone) = recorder(true).await;
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, false);
    let frame = renderer.frame().await.expect("a frame");
    declare(&frame);
    run(frame).await;
    drop(renderer);
    until("all spans end", || recorder.all_closed()).await;
    let passes = recorder.of(PASS);
    assert!(passes.len() >= PASSES.len());
    for pass in passes {
        assert_eq!(pass.names(), ["frame", "pass", "worker", "cpu_us"]);
    }
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_is_a_child_of_the_span_that_it_is_submitted_in() {
    let (recorder, _alone) = recorder(true).await;
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, false);
    let frame = renderer.frame().await.expect("a frame");
    declare(&frame);
    run(frame).instrument(tracing::info_span!(target: "user", "request")).await;
    drop(renderer);
    until("all spans end", || recorder.all_closed()).await;
    let frames = recorder.of(FRAME);
    let parent = frames[0].parent.expect("a parent");
    assert_eq!((frames.len(), &*recorder.log().all[parent].target), (1, "user"));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_recorded_and_dropped_ends_its_spans_and_leaves_the_next_ones_times_right() {
    let (recorder, _alone) = recorder(true).await;
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, true);
    let frame = renderer.frame().await.expect("a frame");
    declare(&frame);
    drop(soon("the recording", frame.finalize()).await.expect("recorded"));
    until("all spans end", || recorder.all_closed()).await;
    let dropped = recorder.of(PASS);
    assert!(dropped.len() >= PASSES.len());
    for pass in &dropped {
        assert_eq!(pass.names(), ["frame", "pass", "worker", "cpu_us"], "it never ran");
    }
    for _ in 0..2 {
        let frame = renderer.frame().await.expect("a frame");
        declare(&frame);
        run(frame).await;
    }
    drop(renderer);
    until("all spans end", || recorder.all_closed()).await;
    let passes = recorder.of(PASS);
    let measured = |frame: f64| {
        let of_frame = passes.iter().filter(|pass| pass.number("frame") == frame);
        of_frame.filter(|pass| pass.value("gpu_us").is_some()).count()
    };
    assert_eq!([0.0, 1.0, 2.0].map(measured), [0, PASSES.len(), PASSES.len()]);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_listener_no_span_is_made() {
    let (recorder, _alone) = recorder(false).await;
    let gpu = strict_gpu();
    let renderer = renderer(&gpu, true);
    let recorded = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let frame = renderer.frame().await.expect("a frame");
        let count = Arc::clone(&recorded);
        frame.pass("clear").renders(frame.target().clear([0.0; 4])).record(move |_| {
            assert!(tracing::Span::current().is_disabled(), "a span that nobody asked for");
            count.fetch_add(1, Ordering::Relaxed);
        });
        run(frame).await;
    }
    assert_eq!(recorded.load(Ordering::Relaxed), 2);
    assert_eq!(recorder.log().all.len(), 0);
    drop(renderer);
    close(gpu).await;
}
