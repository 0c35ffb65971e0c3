//! Ctrl-C, as a close request.

use std::{
    pin::pin,
    sync::Arc,
    thread::{self, JoinHandle},
};

use futures::future::{Either, select};
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
        let bridge = Arc::clone(bridge);
        let run = move || {
            let runtime = runtime::Builder::new_current_thread().enable_io().build();
            let listened = runtime.and_then(|runtime| runtime.block_on(pass_on(&bridge, stopped)));
            if let Err(error) = listened {
                tracing::warn!("Ctrl-C will not close the app's window: {error}");
            }
        };
        let thread = thread::Builder::new().name("vulkio-ctrl-c".into()).spawn(run);
        let thread = thread.inspect_err(|error| tracing::warn!("Ctrl-C will not close the app's window: {error}"));
        Self { stop: Some(stop), thread: thread.ok() }
    }
}

async fn pass_on(bridge: &Bridge, mut stopped: oneshot::Receiver<()>) -> std::io::Result<()> {
    loop {
        match select(&mut stopped, pin!(signal::ctrl_c())).await {
            Either::Left(_) => return Ok(()),
            Either::Right((came, _)) => came?,
        }
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
