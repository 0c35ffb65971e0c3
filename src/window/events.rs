//! What happens to windows, on its way from the event loop to the app.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, Weak},
    task::{Context, Poll, Waker},
};

use futures::{Stream, future};
use winit::{event::WindowEvent, window::WindowId};

use super::queue::Queue;
use crate::sync::prim::lock;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// What winit tells of a window; all but its close request.
    Window {
        /// The window.
        window: WindowId,
        /// What happened to it.
        event: WindowEvent,
    },
    /// The mouse was moved, the pointer at the screen's edge or not: to look around with. In units of the device, Y down.
    MouseMotion {
        /// How far, along X and Y.
        delta: [f64; 2],
    },
    /// A window was told to close, or Ctrl-C came.
    CloseRequested {
        /// The window; `None` of Ctrl-C.
        window: Option<WindowId>,
    },
}

/// What happens to an app's windows, in order: a [`Stream`], which ends with the event loop.
///
/// Where the app is slower than what happens, movements (of the pointer, the mouse, a window's size, a redraw that is asked
/// for) that follow each other are told as one, the latest. At most 1,024 events wait: then the oldest movements go, then the
/// oldest of the rest, and a warning says so; a close request never does.
///
/// ```no_run
/// # use vulkio::window::{App, Event, winit::event::WindowEvent};
/// # async fn f(app: App) -> vulkio::Result<()> {
/// let mut events = app.events();
/// while let Some(frame) = app.frame().await? {
///     while let Some(event) = events.try_next() {
///         if let Event::Window { event: WindowEvent::KeyboardInput { event, .. }, .. } = event {
///             println!("{:?}", event.logical_key);
///         }
///     }
///     frame.pass("sky").renders(frame.target().clear([0.3, 0.5, 0.9, 1.0])).record(|_| ());
///     frame.submit().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events {
    inbox: Arc<Inbox>,
}

impl Events {
    /// The next event, once there is one; `None` once the event loop has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, no event is lost.
    pub async fn next(&mut self) -> Option<Event> {
        future::poll_fn(|cx| self.inbox.poll(cx)).await
    }

    /// The next event, if there is one already.
    pub fn try_next(&mut self) -> Option<Event> {
        lock(&self.inbox.state).queue.pop()
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.inbox.poll(cx)
    }
}

/// One stream's events.
#[derive(Debug, Default)]
struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    waker: Option<Waker>,
    ended: bool,
    /// Whether somebody has the stream: then it matters that events are lost.
    listened: bool,
    warned: bool,
}

impl Inbox {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let mut state = lock(&self.state);
        match state.queue.pop() {
            Some(event) => Poll::Ready(Some(event)),
            None if state.ended => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Wakes outside the lock.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let waker = {
            let mut state = lock(&self.state);
            change(&mut state);
            state.waker.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn push(&self, event: Event) {
        self.change(|state| {
            let lost = state.queue.push(event);
            if lost && state.listened && !state.warned {
                state.warned = true;
                tracing::warn!(
                    "events of a window were lost, as the app has not read 1,024 of them; read Events more often"
                );
            }
        });
    }
}

/// Gives every stream every event.
#[derive(Debug)]
pub(super) struct Hub {
    state: Mutex<Streams>,
}

#[derive(Debug)]
struct Streams {
    open: Vec<Weak<Inbox>>,
    /// What happened before anybody asked.
    first: Option<Arc<Inbox>>,
    ended: bool,
}

impl Default for Hub {
    fn default() -> Self {
        let first = Arc::new(Inbox::default());
        Self { state: Mutex::new(Streams { open: vec![Arc::downgrade(&first)], first: Some(first), ended: false }) }
    }
}

impl Hub {
    /// The first stream has all that happened, later ones what happens from now on.
    pub(super) fn stream(&self) -> Events {
        let mut streams = lock(&self.state);
        let inbox = streams.first.take().unwrap_or_else(|| {
            let inbox = Arc::new(Inbox::default());
            lock(&inbox.state).ended = streams.ended;
            streams.open.push(Arc::downgrade(&inbox));
            inbox
        });
        lock(&inbox.state).listened = true;
        Events { inbox }
    }

    pub(super) fn send(&self, event: &Event) {
        for inbox in self.open() {
            inbox.push(event.clone());
        }
    }

    /// Streams end once what they have is read.
    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        for inbox in self.open() {
            inbox.change(|state| state.ended = true);
        }
    }

    /// Forgets those that were dropped.
    fn open(&self) -> Vec<Arc<Inbox>> {
        let mut open = Vec::new();
        lock(&self.state).open.retain(|inbox| {
            let inbox = inbox.upgrade();
            let is_open = inbox.is_some();
            open.extend(inbox);
            is_open
        });
        open
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn motion(x: f64) -> Event {
        Event::MouseMotion { delta: [x, 0.0] }
    }

    #[test]
    fn the_first_stream_has_what_happened_before_and_each_stream_has_all_from_then_on() {
        let hub = Hub::default();
        hub.send(&Event::CloseRequested { window: None });
        let mut first = hub.stream();
        let mut second = hub.stream();
        hub.send(&motion(1.0));
        assert_eq!(first.try_next(), Some(Event::CloseRequested { window: None }));
        assert_eq!([first.try_next(), second.try_next()], [Some(motion(1.0)), Some(motion(1.0))]);
        assert_eq!([first.try_next(), second.try_next()], [None, None]);
    }

    #[test]
    fn a_stream_waits_and_is_woken_and_ends_after_what_it_has() {
        let hub = Hub::default();
        let mut events = hub.stream();
        let (waker, wakes) = futures_test_waker();
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut events).poll_next(&mut cx).is_pending());
        hub.send(&motion(2.0));
        assert_eq!(wakes(), 1);
        hub.end();
        assert_eq!(events.next().now_or_never(), Some(Some(motion(2.0))));
        assert_eq!(events.next().now_or_never(), Some(None));
        assert_eq!(hub.stream().next().now_or_never(), Some(None));
    }

    #[test]
    fn a_stream_that_was_dropped_is_forgotten() {
        let hub = Hub::default();
        for _ in 0..100 {
            drop(hub.stream());
            hub.send(&motion(1.0));
        }
        assert_eq!(lock(&hub.state).open.len(), 0);
    }

    /// A waker, and how often it woke.
    fn futures_test_waker() -> (Waker, impl Fn() -> usize) {
        struct Count(std::sync::atomic::AtomicUsize);
        impl std::task::Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let count = Arc::new(Count(Default::default()));
        (Waker::from(Arc::clone(&count)), move || count.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}
