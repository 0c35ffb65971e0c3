//! The cache that the driver keeps of what it compiled, and keeping it on disk.

use std::{
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ash::vk;

use super::disk::{Disk, Key};
use crate::{
    error::{During, Result, guarded},
    gpu::device::Device,
    sync::prim::lock,
};

/// It is written when no pipeline was made for this long: they come in bursts, and a cache is written as a whole.
const QUIET: Duration = Duration::from_secs(2);
/// Or this long after the first that is not in the file.
const LATEST: Duration = Duration::from_secs(10);

/// The driver's pipeline cache.
pub(super) struct DriverCache {
    device: Arc<Device>,
    pub(super) raw: vk::PipelineCache,
    kept: Option<Kept>,
}

/// What keeps it on disk.
struct Kept {
    disk: Disk,
    state: Mutex<State>,
    /// The thread is to end, or has.
    turned: Condvar,
}

#[derive(Default)]
struct State {
    /// When the first and the last pipeline were made that the file may lack.
    made: Option<(Instant, Instant)>,
    ending: bool,
    /// The thread that waits to write; there while `made` is, and until it has written.
    thread: Option<JoinHandle<()>>,
    working: bool,
    /// The checksum of what the file had when it was last read or written.
    known: Option<u32>,
    complained: bool,
}

impl DriverCache {
    /// With what is in the folder for this device and driver. Reads a file.
    pub(super) fn new(device: Arc<Device>, folder: Option<&Path>) -> Result<Arc<Self>> {
        let kept = folder.map(|folder| {
            // SAFETY: a device of this living instance.
            let properties = unsafe { device.instance.raw.get_physical_device_properties(device.physical) };
            let disk = Disk::new(folder.to_owned(), Key::of(&properties));
            Kept { disk, state: Mutex::default(), turned: Condvar::new() }
        });
        let found = kept.as_ref().and_then(Kept::read).unwrap_or_default();
        let raw = create(&device, &found)?;
        Ok(Arc::new(Self { device, raw, kept }))
    }

    /// A pipeline was made with it.
    pub(super) fn used(self: &Arc<Self>) {
        let Some(kept) = &self.kept else { return };
        let mut state = lock(&kept.state);
        if state.ending {
            return;
        }
        let now = Instant::now();
        state.made = Some((state.made.map_or(now, |(first, _)| first), now));
        if state.working {
            return;
        }
        let own = Arc::clone(self);
        let spawned = thread::Builder::new().name("vulkio-cache".into()).spawn(move || own.keep());
        match spawned {
            Ok(thread) => {
                state.working = true;
                state.thread = Some(thread); // the one before it has ended
            }
            Err(error) => kept.complain(&mut state, &error.to_string()),
        }
    }

    /// Writes what the file lacks and ends the thread, within `limit`. Whether it has.
    pub(super) fn end(&self, limit: Duration) -> bool {
        let Some(kept) = &self.kept else { return true };
        let mut state = lock(&kept.state);
        state.ending = true;
        kept.turned.notify_all();
        let waited = kept.turned.wait_timeout_while(state, limit, |state| state.working);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.working {
            return false;
        }
        let thread = state.thread.take();
        drop(state);
        // It has written, so this only waits for it to be gone, and with it its hold on the device.
        thread.is_none_or(|thread| thread.thread().id() == thread::current().id() || thread.join().is_ok())
    }

    /// The thread's life: from the first new pipeline until the file has all.
    fn keep(self: Arc<Self>) {
        let Some(kept) = &self.kept else { return };
        while kept.wait_to_write() {
            guarded("a tracing subscriber", || {
                if let Err(reason) = self.save(kept) {
                    kept.complain(&mut lock(&kept.state), &reason);
                }
            });
        }
    }

    /// Brings the file up to date.
    fn save(&self, kept: &Kept) -> Result<(), String> {
        let fail = |result: vk::Result| format!("vkGetPipelineCacheData answered {result:?}");
        let known = lock(&kept.state).known;
        let found = kept.disk.read().ok().flatten();
        // What another process has written since is kept.
        let theirs = found.as_deref().filter(|found| Some(crc32fast::hash(found)) != known);
        let is_ours = theirs.is_none();
        let data = match theirs {
            Some(theirs) => self.merged(theirs).map_err(|error| error.to_string())?,
            // SAFETY: the cache is alive, and synchronizes itself.
            None => unsafe { self.device.raw.get_pipeline_cache_data(self.raw) }.map_err(fail)?,
        };
        if found.as_ref() != Some(&data) {
            kept.disk.write(&data).map_err(|error| error.to_string())?;
            tracing::debug!(path = %kept.disk.path().display(), bytes = data.len(), "wrote the pipeline cache");
        }
        // What was merged into the file is not in this cache: next time it is to be merged again.
        lock(&kept.state).known = is_ours.then(|| crc32fast::hash(&data));
        Ok(())
    }

    /// The contents of this cache and of what is given. "Host access to `dstCache` must be externally synchronized", so
    /// that one is neither of them: pipelines are made with this one meanwhile.
    fn merged(&self, theirs: &[u8]) -> Result<Vec<u8>> {
        let device = &self.device.raw;
        let both = create(&self.device, theirs)?;
        // SAFETY: both caches are alive, and the destination is this function's own.
        let merged = unsafe { device.merge_pipeline_caches(both, &[self.raw]) }.during("vkMergePipelineCaches");
        let data = merged.and_then(|()| {
            // SAFETY: as above.
            unsafe { device.get_pipeline_cache_data(both) }.during("vkGetPipelineCacheData")
        });
        // SAFETY: nothing else knows it.
        unsafe { device.destroy_pipeline_cache(both, None) };
        data
    }
}

/// A cache of the driver's that begins with what an earlier one had.
fn create(device: &Device, data: &[u8]) -> Result<vk::PipelineCache> {
    let info = vk::PipelineCacheCreateInfo::default().initial_data(data);
    // SAFETY: the device is alive; the data is nothing, or what this device and driver gave: `Disk` has seen to that.
    let made = unsafe { device.raw.create_pipeline_cache(&info, None) };
    made.during("vkCreatePipelineCache")
}

impl Kept {
    /// What the file has, if it is any good.
    fn read(&self) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        let found = self.disk.read();
        if let Err(reason) = &found {
            let path = self.disk.path();
            guarded("a tracing subscriber", || {
                tracing::warn!(
                    "{}: this pipeline cache is ignored, {reason}; a new one takes its place",
                    path.display()
                );
            });
        }
        let data = found.ok().flatten()?;
        state.known = Some(crc32fast::hash(&data));
        Some(data)
    }

    /// Waits until there is something to write and it is time to. `false`: everything is written, and the thread signed off.
    fn wait_to_write(&self) -> bool {
        let mut state = lock(&self.state);
        while let Some((first, last)) = state.made {
            let due = (last + QUIET).min(first + LATEST);
            let left = due.saturating_duration_since(Instant::now());
            if state.ending || left.is_zero() {
                state.made = None;
                return true;
            }
            state = self.turned.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.working = false;
        self.turned.notify_all();
        false
    }

    /// Says once that the file cannot be written.
    fn complain(&self, state: &mut State, reason: &str) {
        if !std::mem::replace(&mut state.complained, true) {
            tracing::warn!("{}: the pipeline cache cannot be written, {reason}", self.disk.path().display());
        }
    }
}

impl Drop for DriverCache {
    fn drop(&mut self) {
        // SAFETY: pipelines are made, and the cache is written, by what holds `self`.
        unsafe { self.device.raw.destroy_pipeline_cache(self.raw, None) };
    }
}
