//! An app with a window: winit's event loop on the calling thread, a tokio runtime beside it.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, resume_unwind},
    pin::pin,
    sync::{Arc, mpsc},
    time::Duration,
};

use futures::{
    FutureExt,
    future::{Either, select},
};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use winit::window::WindowAttributes;

use super::{app::App, bridge::Bridge, handler, interrupts::Interrupts};
use crate::{
    GpuOptions,
    config::Config,
    error::{Error, Result},
};

/// How long tasks that the app left behind, and that block, may keep the process.
const LEFT_BEHIND: Duration = Duration::from_secs(1);

/// Opens a window and runs `app` with it; returns when that does.
///
/// The calling thread, which should be the program's main thread, runs the event loop. `app`'s future, and all that it spawns, runs on
/// a multi-thread tokio runtime with [`worker_threads`](crate::config::PerformanceConfig::worker_threads) workers. Before it is
/// called, a [`Gpu`](crate::Gpu) is opened and the window and its surface are made, all as `config` says; once it is done they are
/// closed. An app whose window is closed before that is not called, and that is no error.
///
/// Told to close, by the window, by [`App::close`] or by Ctrl-C, the app is not ended: [`App::frame`] gives `None`. A second
/// Ctrl-C ends it, at the next point where it awaits something. (From the first call on, and for as long as the process lives,
/// Ctrl-C no longer ends the process by itself: tokio's handler stays.)
///
/// ```no_run
/// use vulkio::{config::Config, window};
///
/// fn main() -> vulkio::Result<()> {
///     window::run(Config::default(), |app| async move {
///         while let Some(frame) = app.frame().await? {
///             frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
///             frame.submit().await?;
///         }
///         Ok(())
///     })
/// }
/// ```
///
/// # Errors
///
/// The app's own. Before that, [`Error::Window`] where there is no display, where the process had an event loop before, or inside of a
/// runtime (of `#[tokio::main]`, for example: [`run_on`] is for that), those of
/// [`Gpu::open`](crate::Gpu::open) and of [`Surface::new`](super::Surface::new); after that, those of
/// [`Gpu::close`](crate::Gpu::close). [`Error::Window`] if a second Ctrl-C ended the app, or the event loop ended by itself.
///
/// # Panics
///
/// If the app panics: with its panic, once the window is closed.
pub fn run<F, Fut, E>(config: Config, app: F) -> Result<(), E>
where
    F: FnOnce(App) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: From<Error> + Send + 'static,
{
    run_with(RunOptions::default(), config, app)
}

/// As [`run`], on a runtime that is there already: a multi-thread one, or a current-thread one that another thread drives.
///
/// It needs none of tokio's drivers. It is not shut down.
///
/// ```no_run
/// # use vulkio::{config::Config, window};
/// # fn main() -> vulkio::Result<()> {
/// let runtime = tokio::runtime::Runtime::new().expect("a runtime");
/// window::run_on(runtime.handle(), Config::default(), |app| async move {
///     while let Some(frame) = app.frame().await? {
///         frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
///         frame.submit().await?;
///     }
///     Ok(())
/// })
/// # }
/// ```
///
/// # Errors
///
/// As [`run`]; [`Error::RuntimeGone`] if the runtime was shut down.
///
/// # Panics
///
/// As [`run`].
pub fn run_on<F, Fut, E>(runtime: &Handle, config: Config, app: F) -> Result<(), E>
where
    F: FnOnce(App) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: From<Error> + Send + 'static,
{
    run_with(RunOptions::default().runtime(runtime.clone()), config, app)
}

/// What [`run_with`] does otherwise than [`run`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RunOptions {
    /// The runtime that the app runs on. By default one is made, and shut down in the end.
    pub runtime: Option<Handle>,
    /// What device to open and how. By default as the configuration says. Presentation is turned on in any case.
    pub gpu: Option<GpuOptions>,
    /// The first window. By default as the configuration says.
    pub window: Option<WindowAttributes>,
    /// Whether the event loop may run on another thread than the program's main thread, as in tests. Linux, the BSDs and Windows allow
    /// that; elsewhere this does nothing.
    pub any_thread: bool,
}

impl RunOptions {
    /// Sets [`runtime`](Self::runtime).
    #[must_use]
    pub fn runtime(self, runtime: Handle) -> Self {
        Self { runtime: Some(runtime), ..self }
    }

    /// Sets [`gpu`](Self::gpu).
    #[must_use]
    pub fn gpu(self, gpu: GpuOptions) -> Self {
        Self { gpu: Some(gpu), ..self }
    }

    /// Sets [`window`](Self::window).
    #[must_use]
    pub fn window(self, window: WindowAttributes) -> Self {
        Self { window: Some(window), ..self }
    }

    /// Sets [`any_thread`](Self::any_thread).
    #[must_use]
    pub fn any_thread(self, any_thread: bool) -> Self {
        Self { any_thread, ..self }
    }
}

/// As [`run`], with options.
///
/// # Errors
///
/// As [`run_on`].
///
/// # Panics
///
/// As [`run`].
pub fn run_with<F, Fut, E>(options: RunOptions, config: Config, app: F) -> Result<(), E>
where
    F: FnOnce(App) -> Fut + Send + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: From<Error> + Send + 'static,
{
    check_context(options.runtime.is_some())?;
    let event_loop = handler::event_loop(options.any_thread)?;
    let own = match &options.runtime {
        Some(_) => None,
        None => Some(own_runtime(config.performance.workers())?),
    };
    let bridge = Arc::new(Bridge::new(event_loop.create_proxy()));
    let interrupts = Interrupts::listen(&bridge);

    let (outcome, outcomes) = mpsc::channel();
    let exit = ExitLoop(Arc::clone(&bridge));
    let gpu = options.gpu.unwrap_or_else(|| config.gpu_options()).presentation(true);
    let started = App::start(Arc::clone(&bridge), gpu, options.window, config);
    let task = async move {
        let exit = exit;
        let ended = drive(&exit.0, started, app).await;
        let _ = outcome.send(ended);
    };
    match (&own, options.runtime) {
        (Some(runtime), _) => drop(runtime.spawn(task)),
        (None, Some(runtime)) => drop(runtime.spawn(task)),
        (None, None) => {}
    }

    let looped = handler::run(event_loop, &bridge);
    bridge.ended();
    // Sent before the loop was told to end, or soon after it ended by itself; if the runtime is gone, so is the sender.
    let ended = outcomes.recv();
    drop(interrupts);
    if let Some(runtime) = own {
        runtime.shutdown_timeout(LEFT_BEHIND);
    }
    match ended {
        Ok(Ended::Done(outcome)) => outcome.and(looped.map_err(E::from)),
        Ok(Ended::Panicked(panic)) => resume_unwind(panic),
        Err(_) => Err(Error::RuntimeGone.into()),
    }
}

/// The event loop blocks its thread: where that one is a runtime's, not all runtimes can do without it.
fn check_context(given: bool) -> Result<()> {
    let remedy = match Handle::try_current().map(|inside| inside.runtime_flavor()) {
        Ok(RuntimeFlavor::CurrentThread) => "call it from a plain `fn main`, outside of the runtime",
        Ok(_) if !given => {
            "call it from a plain `fn main`, or give it the runtime: `window::run_on(&Handle::current(), ..)`"
        }
        _ => return Ok(()),
    };
    Err(Error::Window(format!("the event loop would block the tokio runtime that it is called from; {remedy}")))
}

/// How an app ended.
enum Ended<E> {
    Done(Result<(), E>),
    Panicked(Box<dyn Any + Send>),
}

/// Ends the event loop however the app's task ends: it may be dropped with its runtime.
struct ExitLoop(Arc<Bridge>);

impl Drop for ExitLoop {
    fn drop(&mut self) {
        self.0.exit();
    }
}

/// The app's life: start, run, end. What is left of it when this is done is what it spawned.
async fn drive<F, Fut, E>(bridge: &Bridge, started: impl Future<Output = Result<Option<App>>>, app: F) -> Ended<E>
where
    F: FnOnce(App) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: From<Error>,
{
    let handle = match started.await {
        Ok(Some(handle)) => handle,
        Ok(None) => return Ended::Done(Ok(())),
        Err(error) => return Ended::Done(Err(error.into())),
    };
    let own = handle.clone();
    let running = AssertUnwindSafe(async move { app(own).await }).catch_unwind();
    let ran = {
        // Dropped before what it uses is closed.
        match select(pin!(running), pin!(bridge.abort.raised())).await {
            Either::Left((ran, _)) => ran,
            Either::Right(_) => {
                Ok(Err(Error::Window("Ctrl-C came twice, so the app was ended before it was done".into()).into()))
            }
        }
    };
    let closed = handle.end().await;
    match ran {
        Ok(outcome) => Ended::Done(outcome.and(closed.map_err(E::from))),
        Err(panic) => Ended::Panicked(panic),
    }
}

fn own_runtime(workers: usize) -> Result<Runtime> {
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build();
    runtime.map_err(|error| Error::Window(format!("no tokio runtime of {workers} workers for the app: {error}")))
}
