//! The thread that waits for files to change, one for the process, there while anything is watched.

use std::{
    collections::{BTreeMap, BTreeSet},
    io, mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};
use tokio::sync::oneshot;

use super::rebuild::Watched;
use crate::{
    error::{Error, Result, guarded},
    sync::prim::lock,
};

/// Files are looked at when nothing has happened for this long: a save is several events, and a file is cut to nothing
/// before it is written.
const QUIET: Duration = Duration::from_millis(40);
/// Or this long after the first event, where something always happens.
const LATEST: Duration = Duration::from_millis(400);

/// The thread, as its users hold it: it ends with the last of them.
pub(super) struct Watch {
    messages: Sender<Message>,
}

enum Message {
    Add {
        id: u64,
        watched: Box<dyn Watched>,
        answer: oneshot::Sender<Result<()>>,
    },
    Remove(u64),
    /// Something happened in a folder.
    Touched,
    End,
}

/// One that is watched; dropping it ends that, without waiting.
pub(super) struct Watching {
    id: u64,
    watch: Arc<Watch>,
}

impl Watch {
    /// A place with the thread, which is started if there is none.
    pub(super) fn start() -> Result<Watching> {
        static CURRENT: Mutex<Weak<Watch>> = Mutex::new(Weak::new());
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut current = lock(&CURRENT);
        let watch = match current.upgrade() {
            Some(watch) => watch,
            None => {
                let watch = Arc::new(Self::spawn()?);
                *current = Arc::downgrade(&watch);
                watch
            }
        };
        Ok(Watching { id: NEXT.fetch_add(1, Ordering::Relaxed), watch })
    }

    fn spawn() -> Result<Self> {
        let (messages, received) = channel();
        let touch = messages.clone();
        let run = move || {
            guarded("the watch of shaders", || Files::new(touch).run(&received));
        };
        let spawned = thread::Builder::new().name("vulkio-live".into()).spawn(run);
        spawned.map_err(|_| Error::OutOfHostMemory { context: "starting a thread to watch shaders".into() })?;
        Ok(Self { messages })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // The watcher holds a sender as well, so the channel would not end by itself.
        let _ = self.messages.send(Message::End);
    }
}

impl Watching {
    /// Watches from now on; what changed since its files were read is seen as well.
    pub(super) async fn add(&self, watched: Box<dyn Watched>) -> Result<()> {
        let id = self.id;
        let (answer, answered) = oneshot::channel();
        let _ = self.watch.messages.send(Message::Add { id, watched, answer });
        answered.await.unwrap_or_else(|_| {
            let message = "see the log".to_owned();
            Err(Error::HelperPanicked { task: "the watch of shaders".into(), message })
        })
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.watch.messages.send(Message::Remove(self.id));
    }
}

/// What the watcher's own thread notes, and the folders that it watches.
#[derive(Default)]
struct Notes {
    folders: BTreeSet<PathBuf>,
    /// Folders that were removed or renamed since the last look: theirs are not watched any more.
    gone: BTreeSet<PathBuf>,
    /// A message of it is on its way.
    touched: bool,
}

impl Notes {
    /// Whether somebody must be told.
    fn note(&mut self, event: &Event) -> bool {
        match event.kind {
            // Reading is no change, and it is what a look does.
            EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write) => return false,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                self.gone.extend(event.paths.iter().filter(|path| self.folders.contains(*path)).cloned());
            }
            _ => {}
        }
        !mem::replace(&mut self.touched, true)
    }
}

/// All that is watched; lives on the thread.
struct Files {
    touch: Sender<Message>,
    watcher: Option<RecommendedWatcher>,
    notes: Arc<Mutex<Notes>>,
    watched: BTreeMap<u64, Box<dyn Watched>>,
    /// What could not be watched, as it was said last.
    complaint: Option<String>,
}

impl Files {
    fn new(touch: Sender<Message>) -> Self {
        Self { touch, watcher: None, notes: Arc::default(), watched: BTreeMap::new(), complaint: None }
    }

    fn run(mut self, messages: &Receiver<Message>) {
        // When files were touched first and last.
        let mut since: Option<(Instant, Instant)> = None;
        loop {
            let message = match since.map(due) {
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
                // Not even if more has happened: it might go on for ever.
                Some(left) if left.is_zero() => Err(RecvTimeoutError::Timeout),
                Some(left) => messages.recv_timeout(left),
            };
            match message {
                Ok(Message::Add { id, watched, answer }) => {
                    let _ = answer.send(self.add(id, watched));
                }
                Ok(Message::Remove(id)) => {
                    self.watched.remove(&id);
                    // Its folders stay watched until the next look; they cost nothing.
                }
                Ok(Message::Touched) => {
                    lock(&self.notes).touched = false;
                    let now = Instant::now();
                    since = Some((since.map_or(now, |(first, _)| first), now));
                }
                Err(RecvTimeoutError::Timeout) => {
                    since = None;
                    self.look();
                }
                Ok(Message::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn add(&mut self, id: u64, watched: Box<dyn Watched>) -> Result<()> {
        self.watched.insert(id, watched);
        let settled = self.settle();
        match settled {
            Ok(_) => self.look(),
            Err(_) => drop(self.watched.remove(&id)),
        }
        settled.map(drop)
    }

    /// Looks at all files. Where that finds folders that were not watched before, once more: something may have changed in
    /// them before they were.
    fn look(&mut self) {
        loop {
            let gone = mem::take(&mut lock(&self.notes).gone);
            gone.iter().for_each(|folder| self.forget(folder));
            self.watched.retain(|_, watched| guarded("a live pipeline", || watched.look()).unwrap_or(true));
            match self.settle() {
                Ok(false) => return,
                Ok(true) => {}
                Err(error) => return self.complain(&error),
            }
        }
    }

    /// Watches the folders that are needed and no others. Whether there is a new one among them.
    fn settle(&mut self) -> Result<bool> {
        let wanted: BTreeSet<_> = self.watched.values().flat_map(|watched| watched.folders()).collect();
        let watched = lock(&self.notes).folders.clone();
        watched.difference(&wanted).for_each(|folder| self.forget(folder));
        let mut added = false;
        for folder in wanted.difference(&watched) {
            self.watch(folder)?;
            added = true;
        }
        self.complaint = None;
        Ok(added)
    }

    fn watch(&mut self, folder: &Path) -> Result<()> {
        let fail = |error: notify::Error| {
            let reason = format!("its shaders cannot be watched for changes: {error}");
            Error::Io { path: folder.display().to_string(), source: Arc::new(io::Error::other(reason)) }
        };
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            None => self.watcher.insert(watcher(&self.notes, &self.touch).map_err(fail)?),
        };
        // Noted first: it might be gone at once.
        lock(&self.notes).folders.insert(folder.to_owned());
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(()),
            Err(error) => {
                lock(&self.notes).folders.remove(folder);
                // Removed since it was found: the next round finds what is there instead.
                if folder.is_dir() { Err(fail(error)) } else { Ok(()) }
            }
        }
    }

    fn forget(&mut self, folder: &Path) {
        lock(&self.notes).folders.remove(folder);
        if let Some(watcher) = &mut self.watcher {
            // One that is gone is not watched any more, which is what was wanted.
            let _ = watcher.unwatch(folder);
        }
    }

    fn complain(&mut self, error: &Error) {
        let said = error.to_string();
        if self.complaint.as_ref() != Some(&said) {
            guarded("a tracing subscriber", || tracing::warn!("{said}; save a shader beside it to try again"));
            self.complaint = Some(said);
        }
    }
}

/// How long it is until files that were touched first and last at these times are looked at.
fn due((first, last): (Instant, Instant)) -> Duration {
    (last + QUIET).min(first + LATEST).saturating_duration_since(Instant::now())
}

/// Tells the thread that something happened, one message at a time.
fn watcher(notes: &Arc<Mutex<Notes>>, touch: &Sender<Message>) -> notify::Result<RecommendedWatcher> {
    let (notes, touch) = (Arc::clone(notes), touch.clone());
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        // An error means that events may be missing.
        let event = event.unwrap_or_else(|_| Event::new(EventKind::Other));
        if lock(&notes).note(&event) {
            let _ = touch.send(Message::Touched);
        }
    })
}
