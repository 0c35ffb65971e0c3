//! What the event loop's thread and the runtime know of each other.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::BoxFuture;
use tokio::sync::oneshot;
use winit::{
    event::WindowEvent,
    event_loop::EventLoopProxy,
    window::{Window, WindowAttributes, WindowId},
};

use super::{
    Surface, SurfaceOptions,
    app::Pane,
    events::{Event, Hub},
    flag::Flag,
};
use crate::{
    Gpu,
    error::{Error, Result},
    sync::prim::lock,
};

/// What the event loop is asked to do.
pub(super) enum Command {
    /// Open a window, which raises `closing` when it is told to close.
    Open { attributes: Box<WindowAttributes>, closing: Flag, reply: oneshot::Sender<Result<Arc<Window>>> },
    /// Begin a surface of a window. Its handles are asked for there, as some systems give them to that thread only.
    Surface { gpu: Gpu, window: Arc<Window>, options: SurfaceOptions, reply: oneshot::Sender<Starting> },
    /// End.
    Exit,
}

/// A surface that is being made, which any thread may wait for.
pub(super) type Starting = BoxFuture<'static, Result<Surface>>;

/// The bridge: commands go to the event loop through a wake, events come from it.
pub(super) struct Bridge {
    loop_: EventLoopProxy<Command>,
    pub(super) hub: Hub,
    /// The app is to end.
    pub(super) closing: Flag,
    /// It is ended, done or not.
    pub(super) abort: Flag,
    interrupted: AtomicBool,
    windows: Mutex<HashMap<WindowId, Known>>,
}

/// A window that is open.
struct Known {
    closing: Flag,
    size: [u32; 2],
    /// Once it has a surface. Not kept alive: the app drops its windows.
    pane: Weak<Pane>,
}

impl Bridge {
    pub(super) fn new(loop_: EventLoopProxy<Command>) -> Self {
        Self {
            loop_,
            hub: Hub::default(),
            closing: Flag::default(),
            abort: Flag::default(),
            interrupted: AtomicBool::new(false),
            windows: Mutex::default(),
        }
    }

    /// Has the event loop open a window.
    pub(super) async fn open(&self, attributes: WindowAttributes, closing: Flag) -> Result<Arc<Window>> {
        self.ask(|reply| Command::Open { attributes: Box::new(attributes), closing, reply }).await?
    }

    /// Makes a window's surface.
    pub(super) async fn surface(&self, gpu: &Gpu, window: &Arc<Window>, options: SurfaceOptions) -> Result<Surface> {
        let (gpu, window) = (gpu.clone(), Arc::clone(window));
        self.ask(|reply| Command::Surface { gpu, window, options, reply }).await?.await
    }

    /// Has the event loop do something, and waits for the answer.
    async fn ask<R>(&self, command: impl FnOnce(oneshot::Sender<R>) -> Command) -> Result<R> {
        let ended = || Error::Window("the event loop has ended, so no window can be opened any more".into());
        let (reply, answer) = oneshot::channel();
        self.loop_.send_event(command(reply)).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())
    }

    /// Has the event loop end; it may have already.
    pub(super) fn exit(&self) {
        let _ = self.loop_.send_event(Command::Exit);
    }

    /// A window is open. On the event loop's thread, so before anything happens to it.
    pub(super) fn opened(&self, window: &Window, closing: Flag) {
        let size = window.inner_size().into();
        lock(&self.windows).insert(window.id(), Known { closing, size, pane: Weak::new() });
    }

    /// A window's surface is there, and learns of its sizes from now on.
    pub(super) fn attach(&self, pane: &Arc<Pane>) {
        let mut windows = lock(&self.windows);
        if let Some(known) = windows.get_mut(&pane.window.id()) {
            known.pane = Arc::downgrade(pane);
            // Under the lock: else a size that comes now could be overtaken by this one.
            pane.surface.resize(known.size);
        }
    }

    /// A window is gone.
    pub(super) fn forget(&self, window: WindowId) {
        lock(&self.windows).remove(&window);
    }

    /// The windows that are open and have a surface.
    pub(super) fn panes(&self) -> Vec<Arc<Pane>> {
        lock(&self.windows).values().filter_map(|known| known.pane.upgrade()).collect()
    }

    /// Something happened to a window: first its surface learns of it, then the app.
    pub(super) fn window_event(&self, window: WindowId, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => {
                self.hub.send(&Event::CloseRequested { window: Some(window) });
                if let Some(known) = lock(&self.windows).get(&window) {
                    known.closing.raise();
                }
                return;
            }
            WindowEvent::Resized(size) => self.resized(window, size.into()),
            WindowEvent::Destroyed => self.forget(window),
            _ => {}
        }
        self.hub.send(&Event::Window { window, event });
    }

    fn resized(&self, window: WindowId, size: [u32; 2]) {
        let mut windows = lock(&self.windows);
        let Some(known) = windows.get_mut(&window) else { return };
        known.size = size;
        let pane = known.pane.upgrade();
        if let Some(pane) = &pane {
            pane.surface.resize(size);
        }
        drop(windows);
        // Maybe the last handle, which forgets the window: not under the lock.
        drop(pane);
    }

    /// Ctrl-C: first the app is told to close, then it is ended.
    pub(super) fn interrupt(&self) {
        if self.interrupted.swap(true, Ordering::AcqRel) {
            self.abort.raise();
        } else {
            self.hub.send(&Event::CloseRequested { window: None });
            self.closing.raise();
        }
    }

    /// The event loop has ended.
    pub(super) fn ended(&self) {
        self.closing.raise();
        self.hub.end();
    }
}
