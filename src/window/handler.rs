//! The event loop: passes on what happens, and does what it is asked to.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use futures::FutureExt;
use winit::{
    application::ApplicationHandler,
    error::EventLoopError,
    event::{DeviceEvent, DeviceId, WindowEvent},
    event_loop::{ActiveEventLoop, EventLoop},
    window::{Window, WindowAttributes, WindowId},
};

use super::{
    Surface,
    bridge::{Bridge, Command},
    events::Event,
    handles::Handles,
};
use crate::error::{Error, Result, panic_message};

/// What to do where no window can be had.
const NO_DISPLAY: &str = "run it where there is a display (on Linux, DISPLAY or WAYLAND_DISPLAY names it, and for X11 the libraries \
     libX11, libX11-xcb, libXcursor, libXi and libxkbcommon-x11 are needed), or render without a window";

/// The process's event loop.
pub(super) fn event_loop(any_thread: bool) -> Result<EventLoop<Command>> {
    let mut builder = EventLoop::with_user_event();
    if any_thread {
        allow_any_thread(&mut builder);
    }
    // winit panics on a wrong thread, and where a library is missing.
    let built = catch_unwind(AssertUnwindSafe(|| builder.build()));
    match built {
        Ok(Ok(event_loop)) => Ok(event_loop),
        Ok(Err(EventLoopError::RecreationAttempt)) => Err(Error::Window(
            "a process can have one event loop in its life, and this one had it; open further windows with App::open_window"
                .into(),
        )),
        Ok(Err(error)) => {
            let error = error.to_string();
            // winit says first where in its source that is.
            let reason = error.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")).map_or(&*error, |(_, it)| it);
            Err(Error::Window(format!("no window can be opened: {}; {NO_DISPLAY}", reason.trim_end_matches('.'))))
        }
        Err(panic) => {
            Err(Error::Window(format!("no window can be opened: {}; {NO_DISPLAY}", panic_message(&*panic))))
        }
    }
}

#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
fn allow_any_thread<T>(builder: &mut winit::event_loop::EventLoopBuilder<T>) {
    // The setting is one, whatever comes to be used.
    winit::platform::x11::EventLoopBuilderExtX11::with_any_thread(builder, true);
}

#[cfg(target_os = "windows")]
fn allow_any_thread<T>(builder: &mut winit::event_loop::EventLoopBuilder<T>) {
    winit::platform::windows::EventLoopBuilderExtWindows::with_any_thread(builder, true);
}

#[cfg(any(target_vendor = "apple", target_os = "android"))]
fn allow_any_thread<T>(_: &mut winit::event_loop::EventLoopBuilder<T>) {}

/// Runs the event loop until it is told to end.
pub(super) fn run(event_loop: EventLoop<Command>, bridge: &Bridge) -> Result<()> {
    // It sleeps until something happens: winit's `Wait`, which is its default.
    let ended = event_loop.run_app(&mut Handler { bridge });
    ended.map_err(|error| Error::Window(format!("the event loop ended: {error}; is the display still there?")))
}

struct Handler<'a> {
    bridge: &'a Bridge,
}

impl ApplicationHandler<Command> for Handler<'_> {
    /// Windows are opened when the app asks.
    fn resumed(&mut self, _: &ActiveEventLoop) {}

    fn user_event(&mut self, event_loop: &ActiveEventLoop, command: Command) {
        match command {
            Command::Open { attributes, closing, reply } => {
                let window = open(event_loop, *attributes);
                if let Ok(window) = &window {
                    self.bridge.opened(window, closing);
                }
                if let Err(Ok(unwanted)) = reply.send(window) {
                    self.bridge.forget(unwanted.id());
                }
            }
            Command::Surface { gpu, window, options, reply } => {
                let size = window.inner_size().into();
                // Nobody may wait for it any more.
                let _ = reply.send(
                    Surface::new(&gpu, Arc::new(Handles::of(window, self.bridge.flush_when_dropped())), size, options)
                        .boxed(),
                );
            }
            Command::Flush => {}
            Command::Exit => event_loop.exit(),
        }
    }

    fn window_event(&mut self, _: &ActiveEventLoop, window: WindowId, event: WindowEvent) {
        self.bridge.window_event(window, event);
    }

    fn device_event(&mut self, _: &ActiveEventLoop, _: DeviceId, event: DeviceEvent) {
        if let DeviceEvent::MouseMotion { delta: (x, y) } = event {
            self.bridge.hub.send(&Event::MouseMotion { delta: [x, y] });
        }
    }
}

fn open(event_loop: &ActiveEventLoop, attributes: WindowAttributes) -> Result<Arc<Window>> {
    let name = attributes.title.clone();
    let window = event_loop.create_window(attributes);
    window.map(Arc::new).map_err(|error| Error::Window(format!("the window `{name}` could not be opened: {error}")))
}
