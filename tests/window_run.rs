//! `window::run`: an app and its window, on every kind of runtime, from its start to every kind of end.
#![cfg(all(feature = "window", target_os = "linux"))]

mod child;
mod common;
mod display;
mod remote;

use std::{
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::Duration,
};

use child::{in_child, is_child};
use display::Display;
use futures::StreamExt;
use remote::Remote;
use vulkio::{
    Error, Intercept, Result, ValidationMessages,
    config::{Config, WindowConfig},
    window::{self, App, AppWindow, Event, RunOptions, winit::event::WindowEvent},
};

/// Runs `body` in a process of its own, on a display of its own.
#[track_caller]
fn on_a_display(name: &str, body: impl FnOnce()) {
    if is_child() {
        return in_child(name, None, body);
    }
    let display = Display::start();
    in_child(name, Some(display.name()), body);
}

fn display() -> String {
    std::env::var("DISPLAY").expect("the test gave one")
}

fn config() -> Config {
    let mut config = Config::default();
    config.window = WindowConfig { width: 160, height: 120, title: "test".into(), ..config.window };
    config
}

fn options() -> RunOptions {
    RunOptions::default().gpu(common::strict()).any_thread(true)
}

/// What the validation layer said, once the device is gone.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Option<ValidationMessages>>>);

impl Log {
    fn of(&self, app: &App) {
        *self.0.lock().expect("not poisoned") = Some(app.gpu().validation_log());
    }

    #[track_caller]
    fn is_silent(&self) {
        let log = self.0.lock().expect("not poisoned").take().expect("the app was called");
        assert_eq!(log.messages(), Vec::<String>::new());
    }
}

/// Draws a frame of one colour; whether there was one to draw.
async fn draw(window: &AppWindow, linear: [f32; 4]) -> Result<bool> {
    let Some(frame) = window.frame().await? else { return Ok(false) };
    frame.pass("fill").renders(frame.target().clear(linear)).record(|_| ());
    frame.submit().await?;
    Ok(true)
}

const RED: [f32; 4] = [1.0, 0.0, 0.0, 1.0];
const GREEN: [f32; 4] = [0.0, 1.0, 0.0, 1.0];

fn is_all(rgb: [u8; 3]) -> impl Fn(&display::Grab) -> bool {
    move |grab| grab.rgb.chunks_exact(3).all(|pixel| pixel == rgb)
}

/// Draws until the window shows it, then a few more.
async fn show(app: &App) -> Result<()> {
    let remote = Remote::find(&display(), "test");
    while !is_all([255, 0, 0])(&remote.grab()) {
        assert!(draw(app.main_window(), RED).await?, "nobody closes it");
    }
    for _ in 0..3 {
        draw(app.main_window(), RED).await?;
    }
    Ok(())
}

/// What a process keeps that had a window: winit's connection, tokio's pipe for signals, what drivers keep.
fn outlives(file: &str) -> bool {
    file.starts_with("socket:") || file.starts_with("pipe:") || file.starts_with("/dev/")
}

#[test]
fn an_app_gets_a_runtime_a_window_and_frames_that_it_shows() {
    on_a_display("an_app_gets_a_runtime_a_window_and_frames_that_it_shows", || {
        let log = Log::default();
        let noted = log.clone();
        let ran = window::run_with(options(), config(), |app| async move {
            noted.of(&app);
            assert_eq!(app.renderer().size(), [160, 120]);
            assert_eq!(app.config().window.title, "test");
            // The runtime is one of several threads.
            assert_eq!(tokio::runtime::Handle::current().metrics().num_workers(), app.config().performance.workers());
            show(&app).await?;
            let stats = app.surface().stats();
            assert!(stats.presented > 0 && stats.size == [160, 120], "{stats:?}");
            Ok::<(), Error>(())
        });
        ran.expect("it ends");
        log.is_silent();
    });
}

#[test]
fn an_app_runs_on_a_current_thread_runtime_without_drivers() {
    on_a_display("an_app_runs_on_a_current_thread_runtime_without_drivers", || {
        let log = Log::default();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let handle = runtime.handle().clone();
        let driver = thread::spawn(move || runtime.block_on(stopped));
        let noted = log.clone();
        let ran = window::run_with(options().runtime(handle), config(), |app| async move {
            noted.of(&app);
            show(&app).await
        });
        ran.expect("it ends");
        stop.send(()).expect("the runtime is still there");
        driver.join().expect("no panic").expect("told to stop");
        log.is_silent();
    });
}

#[test]
fn an_app_runs_on_a_multi_thread_runtime_that_is_there_already() {
    on_a_display("an_app_runs_on_a_multi_thread_runtime_that_is_there_already", || {
        let log = Log::default();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
        let noted = log.clone();
        let ran = window::run_with(options().runtime(runtime.handle().clone()), config(), |app| async move {
            noted.of(&app);
            show(&app).await
        });
        ran.expect("it ends");
        assert_eq!(runtime.block_on(runtime.spawn(async { 7 })).expect("it goes on"), 7);
        log.is_silent();
    });
}

#[test]
fn closing_the_window_with_frames_in_flight_ends_the_app_and_leaves_nothing() {
    on_a_display("closing_the_window_with_frames_in_flight_ends_the_app_and_leaves_nothing", || {
        let (threads, files) = (child::threads(), child::open_files());
        let log = Log::default();
        let noted = log.clone();
        let closer = thread::spawn(|| {
            let remote = Remote::find(&display(), "test");
            remote.wait_for("is red", is_all([255, 0, 0]));
            remote.close();
        });
        let ran = window::run_with(options(), config(), |app| async move {
            noted.of(&app);
            let mut events = app.events();
            // As fast as slots are free, from two tasks.
            let second = app.clone();
            let other = tokio::spawn(async move {
                while draw(second.main_window(), RED).await? {}
                Ok::<(), Error>(())
            });
            while draw(app.main_window(), RED).await? {}
            other.await.expect("no panic")?;
            let asked = std::iter::from_fn(|| events.try_next());
            let id = app.window().id();
            let closes = asked.filter(|event| *event == Event::CloseRequested { window: Some(id) }).count();
            assert_eq!(closes, 1);
            assert!(app.frame().await?.is_none(), "it stays closed");
            app.closing().await;
            Ok::<(), Error>(())
        });
        ran.expect("closing is no error");
        closer.join().expect("it was red");
        log.is_silent();
        let left: Vec<_> = child::threads().difference(&threads).cloned().collect();
        assert!(left.iter().all(|name| !name.contains("vulkio") && !name.contains("tokio")), "threads left: {left:?}");
        let mut left = child::open_files();
        left.retain(|file| !files.contains(file));
        assert!(left.iter().all(|file| outlives(file)), "files left: {left:?}");
        println!("left: {left:?}");
        assert!(left.len() <= 8, "files left: {left:?}");
    });
}

#[test]
fn ctrl_c_asks_the_app_to_close_and_a_second_one_ends_it() {
    on_a_display("ctrl_c_asks_the_app_to_close_and_a_second_one_ends_it", || {
        let log = Log::default();
        let noted = log.clone();
        let ran = window::run_with(options(), config(), |app| async move {
            noted.of(&app);
            let mut events = app.events();
            assert!(draw(app.main_window(), RED).await?);
            interrupt();
            while events.next().await.expect("the loop goes on") != (Event::CloseRequested { window: None }) {}
            assert!(app.frame().await?.is_none());
            interrupt();
            // It does not want to close.
            std::future::pending().await
        });
        let error = ran.map_err(|error: Error| error.to_string()).expect_err("it was ended");
        assert!(error.contains("Ctrl-C came twice"), "{error}");
        log.is_silent();
    });
}

/// As the terminal does on Ctrl-C.
fn interrupt() {
    let kill = format!("kill -INT {}", std::process::id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh").success());
}

/// Does something on the thread that opens the device, while it does.
fn while_opening(what: impl Fn() + Send + Sync + 'static) -> RunOptions {
    let done = AtomicBool::new(false);
    let hook: Intercept = Arc::new(move |_, real| {
        if !done.swap(true, SeqCst) {
            what();
        }
        real
    });
    // SAFETY: nothing is replaced.
    let gpu = unsafe { vulkio::GpuOptions::default().validation(vulkio::Validation::Strict).intercept(hook) };
    RunOptions::default().gpu(gpu).any_thread(true)
}

#[test]
fn an_app_whose_window_is_closed_while_the_device_opens_is_not_called() {
    on_a_display("an_app_whose_window_is_closed_while_the_device_opens_is_not_called", || {
        let options = while_opening(|| {
            Remote::find(&display(), "test").close();
            // Until the event loop has seen it: it answers in order, and a size is told by the server after that.
            thread::sleep(Duration::from_millis(300));
        });
        let ran = window::run_with(options, config(), |_| async { panic!("called") });
        ran.map_err(|error: Error| error.to_string()).expect("no error");
    });
}

#[test]
fn ctrl_c_while_the_device_opens_ends_it_without_the_app() {
    on_a_display("ctrl_c_while_the_device_opens_ends_it_without_the_app", || {
        let options = while_opening(|| {
            interrupt();
            thread::sleep(Duration::from_millis(300));
        });
        let ran = window::run_with(options, config(), |_| async { panic!("called") });
        ran.map_err(|error: Error| error.to_string()).expect("no error");
    });
}

#[test]
fn a_runtime_that_is_shut_down_ends_the_event_loop() {
    on_a_display("a_runtime_that_is_shut_down_ends_the_event_loop", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let handle = runtime.handle().clone();
        let (called, calls) = mpsc::channel();
        let ender = thread::spawn(move || {
            calls.recv().expect("the app is called");
            runtime.shutdown_background();
        });
        let ran = window::run_with(options().runtime(handle), config(), move |app| async move {
            draw(app.main_window(), RED).await?;
            called.send(()).expect("somebody waits");
            while draw(app.main_window(), RED).await? {}
            Ok::<(), Error>(())
        });
        ender.join().expect("no panic");
        assert!(matches!(ran, Err(Error::RuntimeGone)), "{ran:?}");
    });
}

#[test]
fn the_apps_error_comes_out_and_so_does_its_panic() {
    on_a_display("the_apps_error_comes_out_and_so_does_its_panic", || {
        #[derive(Debug)]
        struct Own(String);
        impl From<Error> for Own {
            fn from(error: Error) -> Self {
                Self(error.to_string())
            }
        }
        let ran = window::run_with(options(), config(), |app| async move {
            draw(app.main_window(), RED).await?;
            Err(Own("enough".into()))
        });
        assert_eq!(ran.expect_err("its own").0, "enough");
        // A process has one event loop.
        let again = window::run_with(options(), config(), |_| async { Ok::<(), Own>(()) });
        let text = again.expect_err("there was one").0;
        assert!(text.contains("one event loop") && text.contains("open_window"), "{text}");
    });
}

#[test]
fn a_panic_of_the_app_reaches_the_caller_once_the_window_is_closed() {
    on_a_display("a_panic_of_the_app_reaches_the_caller_once_the_window_is_closed", || {
        let log = Log::default();
        let noted = log.clone();
        let run = || {
            window::run_with(options(), config(), |app| async move {
                noted.of(&app);
                draw(app.main_window(), RED).await?;
                panic!("as it was told")
            })
        };
        let ran: std::thread::Result<Result<()>> = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
        let panic = ran.expect_err("it panicked");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"as it was told"));
        log.is_silent();
    });
}

#[test]
fn sizes_reach_the_renderer_before_the_app_and_follow_each_other_as_one() {
    on_a_display("sizes_reach_the_renderer_before_the_app_and_follow_each_other_as_one", || {
        let log = Log::default();
        let noted = log.clone();
        let ran = window::run_with(options(), config(), |app| async move {
            noted.of(&app);
            let mut events = app.events();
            let remote = Remote::find(&display(), "test");
            draw(app.main_window(), RED).await?;
            for round in 1..20 {
                let size = [100 + round * 7, 90 + round * 5];
                remote.resize([size[0] - 1, size[1]]);
                remote.resize(size);
                loop {
                    let event = events.next().await.expect("the loop goes on");
                    let Event::Window { event: WindowEvent::Resized(told), .. } = event else { continue };
                    // Later ones may have come since.
                    if <[u32; 2]>::from(told) == size {
                        break;
                    }
                }
                assert_eq!(app.renderer().size(), size);
                let frame = app.frame().await?.expect("nobody closes it");
                assert_eq!(frame.target().extent(), size);
                frame.pass("fill").renders(frame.target().clear(GREEN)).record(|_| ());
                frame.submit().await?;
            }
            Ok::<(), Error>(())
        });
        ran.expect("it ends");
        log.is_silent();
    });
}

#[test]
fn further_windows_show_frames_of_their_own_and_close_by_themselves() {
    on_a_display("further_windows_show_frames_of_their_own_and_close_by_themselves", || {
        let log = Log::default();
        let noted = log.clone();
        let ran = window::run_with(options(), config(), |app| async move {
            noted.of(&app);
            show(&app).await?;
            let second = WindowConfig { width: 80, height: 60, title: "second".into(), ..app.config().window.clone() };
            let second = app.open_window(&second).await?;
            assert_ne!(second.window().id(), app.window().id());
            let remote = Remote::find(&display(), "second");
            while !is_all([0, 255, 0])(&remote.grab()) {
                assert!(draw(&second, GREEN).await?);
            }
            remote.close();
            while draw(&second, GREEN).await? {}
            second.closing().await;
            assert!(draw(app.main_window(), RED).await?, "the first goes on");
            drop(second);
            show(&app).await?;

            // One that is opened and dropped at once.
            let third = WindowConfig { title: "third".into(), ..app.config().window.clone() };
            drop(app.open_window(&third).await?);
            show(&app).await
        });
        ran.expect("it ends");
        log.is_silent();
    });
}

#[test]
fn events_are_a_stream_that_ends_with_the_event_loop() {
    on_a_display("events_are_a_stream_that_ends_with_the_event_loop", || {
        let seen = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&seen);
        let reader = Mutex::new(None);
        let reader = Arc::new(reader);
        let kept = Arc::clone(&reader);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let ran = window::run_with(options().runtime(runtime.handle().clone()), config(), move |app| async move {
            let events = app.events();
            *kept.lock().expect("not poisoned") = Some(tokio::spawn(async move {
                events.for_each(|_| async { _ = counted.fetch_add(1, SeqCst) }).await;
            }));
            draw(app.main_window(), RED).await?;
            app.close();
            assert!(!draw(app.main_window(), RED).await?);
            Ok::<(), Error>(())
        });
        ran.expect("it ends");
        let reader = reader.lock().expect("not poisoned").take().expect("it was started");
        runtime.block_on(reader).expect("the stream ended");
        assert!(seen.load(SeqCst) > 0, "a window is told its size at least");
    });
}

#[test]
fn without_a_display_the_error_says_what_to_do() {
    let name = "without_a_display_the_error_says_what_to_do";
    in_child(name, None, || {
        let ran = window::run_with(options(), config(), |_| async { Ok::<(), Error>(()) });
        let Err(Error::Window(text)) = ran else { panic!("{ran:?}") };
        assert!(text.contains("DISPLAY") && text.contains("without a window"), "{text}");
    });
}

#[test]
fn a_display_that_does_not_answer_is_an_error_too() {
    let name = "a_display_that_does_not_answer_is_an_error_too";
    in_child(name, Some(":54321"), || {
        let ran = window::run_with(options(), config(), |_| async { Ok::<(), Error>(()) });
        let Err(Error::Window(text)) = ran else { panic!("{ran:?}") };
        assert!(text.contains("without a window"), "{text}");
    });
}

#[test]
fn inside_of_a_runtime_the_error_says_how_to_run_instead() {
    on_a_display("inside_of_a_runtime_the_error_says_how_to_run_instead", || {
        let main = async { window::run_with(options(), config(), |_| async { Ok::<(), Error>(()) }) };
        let current = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let Err(Error::Window(text)) = current.block_on(main) else { panic!("it would block") };
        assert!(text.contains("fn main"), "{text}");

        let several = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().expect("a runtime");
        let main = async { window::run_with(options(), config(), |_| async { Ok::<(), Error>(()) }) };
        let Err(Error::Window(text)) = several.block_on(main) else { panic!("it would not do") };
        assert!(text.contains("run_on"), "{text}");

        // As it says.
        let log = Log::default();
        let noted = log.clone();
        let main = async {
            let options = options().runtime(tokio::runtime::Handle::current());
            window::run_with(options, config(), |app| async move {
                noted.of(&app);
                show(&app).await
            })
        };
        several.block_on(main).expect("it ends");
        log.is_silent();
    });
}
