//! Ctrl-C, as a close request.

use std::{
    pin::pin,
    sync::{Arc, mpsc},
    task::Poll,
    thread::{self, JoinHandle},
};

use futures::future::{Either, poll_fn, select};
use tokio::{runtime, signal, sync::oneshot};

use super::bridge::Bridge;

/// Listens to Ctrl-C until it is dropped.
///
/// On a thread and a runtime of its own: the app's may be without the driver that this takes.
pub(super) struct Interrupts {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Interrupts {
    /// If that is not possible, a warning says so, and Ctrl-C does what it did before.
    pub(super) fn listen(bridge: &Arc<Bridge>) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (listens, listening) = mpsc::channel();
        let bridge = Arc::clone(bridge);
        let run = move || {
            let runtime = runtime::Builder::new_current_thread().enable_io().build();
            let listened = runtime.and_then(|runtime| runtime.block_on(pass_on(&bridge, stopped, listens)));
            if let Err(error) = listened {
                tracing::warn!("Ctrl-C will not close the app's window: {error}");
            }
        };
        let thread = thread::Builder::new().name("vulkio-ctrl-c".into()).spawn(run);
        let thread = thread.inspect_err(|error| tracing::warn!("Ctrl-C will not close the app's window: {error}"));
        // Soon: until then Ctrl-C would end the process. An error if it cannot listen.
        let _ = listening.recv();
        Self { stop: Some(stop), thread: thread.ok() }
    }
}

async fn pass_on(
    bridge: &Bridge,
    mut stopped: oneshot::Receiver<()>,
    listens: mpsc::Sender<()>,
) -> std::io::Result<()> {
    loop {
        let mut signal = pin!(signal::ctrl_c());
        // Its first poll makes it listen.
        let first = poll_fn(|cx| Poll::Ready(signal.as_mut().poll(cx))).await;
        let _ = listens.send(());
        let came = match first {
            Poll::Ready(came) => came,
            Poll::Pending => match select(&mut stopped, signal).await {
                Either::Left(_) => return Ok(()),
                Either::Right((came, _)) => came,
            },
        };
        came?;
        bridge.interrupt();
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.stop.take();
        // It only ever waits for the two.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
