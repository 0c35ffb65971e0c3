//! What live pipelines leave behind when they end: nothing. And where they work: not on the runtime.
#![cfg(feature = "glsl")]

mod common;
mod folder;
mod live;

use std::sync::{Arc, Mutex};

use common::{close, counting, open as open_gpu, soon, strict, strict_gpu, until};
use live::{BLUE, GREEN, GREEN_PIXEL, RED, RED_PIXEL, Stage, fragment, open, replace};
use vulkio::Error;

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_thread_and_no_descriptor_is_left_after_the_last_handle() {
    let is_ours = |name: &String| name.starts_with("vulkio-live") || name.starts_with("notify");
    let watching = || live::threads().iter().filter(|name| is_ours(name)).count();
    let descriptors = || std::fs::read_dir("/proc/self/fd").expect("descriptors").count();
    let mut stage = Stage::new(strict_gpu(), &[("flat.frag", fragment(RED))]).await;
    stage.folder.write("flat.frag", fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    assert_eq!(watching(), 2, "{:?}", live::threads());
    let second = soon("a second", open(&stage.gpu, &stage.folder)).await.expect("a second");
    assert_eq!(watching(), 2, "they share them");

    let Stage { folder, gpu, renderer, live } = stage;
    let clone = live.clone();
    let with = descriptors();
    drop((live, second));
    assert_eq!(watching(), 2, "one handle is left");
    drop(clone);
    until("the threads' end", || watching() == 0).await;
    until("the descriptors' end", || descriptors() < with).await;

    // And again, as if nothing had been.
    let without = descriptors();
    let again = soon("another", open(&gpu, &folder)).await.expect("another");
    drop(again);
    until("the threads' end", || watching() == 0).await;
    until("the descriptors' end", || descriptors() == without).await;
    drop(renderer);
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelines_are_made_by_helpers_and_never_by_the_runtime() {
    let (options, calls) = counting(strict());
    let mut stage = Stage::new(open_gpu(options), &[("flat.frag", fragment(RED))]).await;
    for color in [GREEN, BLUE, GREEN] {
        replace(&stage.folder, "flat.frag", &fragment(color));
        soon("a change", stage.live.changed()).await.expect("changed");
    }
    stage.becomes(GREEN_PIXEL).await;
    let made = |threads: fn(&str) -> bool| calls.count("vkCreateGraphicsPipelines", threads);
    assert!(made(|_| true) >= 3, "{:?}", calls.all());
    assert_eq!(made(|name| !name.starts_with("vulkio-helper")), 0, "{:?}", calls.all());
    stage.end().await;
}

#[tokio::test]
async fn waiting_for_a_change_ends_when_the_gpu_closes() {
    let Stage { folder, gpu, renderer, mut live } = Stage::new(strict_gpu(), &[("flat.frag", fragment(RED))]).await;
    let mut waiting = live.clone();
    let waits = tokio::spawn(async move { waiting.changed().await });
    tokio::task::yield_now().await;
    gpu.close().await.expect("closed");
    let outcome = soon("the wait", waits).await.expect("no panic");
    assert!(matches!(outcome, Err(Error::Closed)), "{outcome:?}");
    assert!(matches!(soon("the wait", live.changed()).await, Err(Error::Closed)));
    // A file that changes now is nobody's business, and the pipeline is what it was.
    folder.write("flat.frag", fragment("wrong"));
    drop(live.current());
    let late = soon("another", open(&gpu, &folder)).await;
    assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    drop((renderer, live));
    close(gpu).await;
}

#[tokio::test]
async fn a_gpu_may_go_before_its_live_pipelines() {
    let Stage { folder, gpu, renderer, live } = Stage::new(strict_gpu(), &[("flat.frag", fragment(RED))]).await;
    gpu.close().await.expect("closed");
    let log = gpu.validation_log();
    drop((renderer, gpu));
    folder.write("flat.frag", fragment(GREEN));
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(live.error().is_none());
    drop(live);
    assert_eq!(log.messages(), Vec::<String>::new());
}

#[tokio::test]
async fn handles_dropped_while_files_change_harm_nobody() {
    let stage = Stage::new(strict_gpu(), &[("flat.frag", fragment(RED))]).await;
    for i in 0..20 {
        let live = soon("a pipeline", open(&stage.gpu, &stage.folder)).await.expect("a pipeline");
        stage.folder.write("flat.frag", fragment(if i % 2 == 0 { GREEN } else { RED }));
        tokio::time::sleep(std::time::Duration::from_millis(7 * (i % 10))).await;
        drop(live);
    }
    // Creations that are given up half-way as well.
    for _ in 0..20 {
        let creation = open(&stage.gpu, &stage.folder);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(3), creation).await;
    }
    assert!([RED_PIXEL, GREEN_PIXEL].contains(&stage.draws().await));
    stage.end().await;
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_mistake_is_logged_once_however_often_its_file_is_saved() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    let mut stage = Stage::new(strict_gpu(), &[("flat.frag", fragment(RED))]).await;
    for padding in ["", "\n", "\n\n"] {
        replace(&stage.folder, "flat.frag", &(fragment("wrong") + padding));
        stage.breaks_with("wrong").await;
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    }
    replace(&stage.folder, "flat.frag", &fragment(GREEN));
    stage.becomes(GREEN_PIXEL).await;
    let text = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    assert_eq!(text.matches("flat.frag:4: 'wrong' : undeclared identifier").count(), 1, "{text}");
    assert_eq!(text.matches("the pipeline made before stays").count(), 1, "{text}");
    assert_eq!(text.matches("made again").count(), 1, "{text}");
    stage.end().await;
}
