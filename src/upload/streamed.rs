//! Buffers whose contents change every frame: several versions, so that no upload waits for a frame.

use std::{
    fmt,
    future::Future,
    mem::size_of,
    ptr::NonNull,
    sync::{Arc, Mutex},
};

use bytemuck::Pod;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    data::{IntoUploadData, UploadData},
    order::Priority,
    request::Upload,
    versions::Versions,
};
use crate::{
    error::{Error, Result},
    exec::{Renderer, Submitter},
    gpu::Gpu,
    graph::ir::Region,
    memory::MemoryKind,
    resource::{BufferInner, GpuBuffer, range::bytes_of},
    sync::prim::lock,
};

/// Versions that are no larger are written by the CPU, where the device has memory of its own that the CPU can write, and the
/// version is not in use. On an H100 64 KiB take 4 µs that way, a copy of them 53 µs from its submission to its end
/// (docs/numbers.md).
const DIRECT_MOST: u64 = 64 << 10;

/// As many versions as the most frames in flight need, and one more.
const MOST_VERSIONS: usize = 17;

/// A buffer whose contents change every frame. It has several versions: while the GPU reads some, the next is written, so
/// that neither waits for the other.
///
/// [`update`](Self::update) writes the version that was published longest ago, and gives it as an ordinary buffer, to be
/// declared by the passes of the next frame. A cheap handle: clone it into every task that needs it.
///
/// A version is good until as many updates have come after it as there are other versions. From then on it is being
/// written again: a pass that reads it is an error, as it reads what nothing has written, or, once the update is
/// submitted, reads the newer contents. It never sees half of them.
///
/// ```no_run
/// # use vulkio::{GraphicsPipeline, Renderer};
/// # async fn example(renderer: Renderer, shape: GraphicsPipeline) -> vulkio::Result<()> {
/// let places = renderer.streamed::<[f32; 4]>("places", 1000)?;
/// for i in 0..100 {
///     let now = places.update(vec![[i as f32; 4]; 1000]).await?; // the frames before it go on
///     let frame = renderer.frame().await?;
///     let (shape, address) = (shape.clone(), now.address());
///     frame.pass("draw").reads(&now).renders(frame.target().clear([0.0; 4])).record(move |cmd| {
///         cmd.bind(&shape).push(&address).draw(0..3, 0..1000);
///     });
///     frame.submit().await?;
/// }
/// # Ok(()) }
/// ```
pub struct Streamed<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    gpu: Gpu,
    name: Arc<str>,
    buffers: Box<[GpuBuffer<T>]>,
    /// By version: an upload that was dropped on the way, and may still write it.
    left: Box<[Mutex<Option<Upload>>]>,
    versions: Mutex<Versions>,
    /// One fewer than there are versions: the newest is never taken.
    permits: Arc<Semaphore>,
}

impl Gpu {
    /// A buffer of `len` elements with `versions` versions, 2 to 17: one more than frames that read them are in flight.
    /// [`Renderer::streamed`] knows how many that are.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a number of versions out of that range; else as [`buffer`](Self::buffer).
    pub fn streamed<T: Pod>(&self, name: &str, len: usize, versions: usize) -> Result<Streamed<T>> {
        if !(2..=MOST_VERSIONS).contains(&versions) {
            return Err(Error::Invalid(format!(
                "buffer `{name}`: {versions} versions; 2 to {MOST_VERSIONS} are possible"
            )));
        }
        let is_direct =
            bytes_of(len, size_of::<T>()) <= DIRECT_MOST && self.shared.device.memory().is_local(MemoryKind::Direct);
        let kind = if is_direct { MemoryKind::Direct } else { MemoryKind::Device };
        let buffers = (0..versions).map(|version| self.buffer_in(&format!("{name} {version}"), len, kind));
        let buffers = buffers.collect::<Result<_>>()?;
        let permits = Arc::new(Semaphore::new(versions - 1));
        self.shared.close_with(&permits);
        let left = (0..versions).map(|_| Mutex::default()).collect();
        let versions = Mutex::new(Versions::new(versions));
        let shared = Shared { gpu: self.clone(), name: name.into(), buffers, left, versions, permits };
        Ok(Streamed { shared: Arc::new(shared) })
    }
}

impl Renderer {
    /// A buffer of `len` elements whose contents change every frame, with a version for each frame in flight and one more.
    ///
    /// # Errors
    ///
    /// As [`Gpu::buffer`].
    pub fn streamed<T: Pod>(&self, name: &str, len: usize) -> Result<Streamed<T>> {
        self.gpu().streamed(name, len, self.frames_in_flight() + 1)
    }
}

impl<T: Pod> Streamed<T> {
    /// Uploads `data` into the version that was published longest ago, from its start on, and gives that version. What
    /// `data` is too short for, the version lacks: it counts as not written.
    ///
    /// Resolves when the copy is submitted: frames submitted after that see the data. The copy waits, on the GPU, for the
    /// last reader of the version. The update itself waits only where as many as there are versions, less one, are under
    /// way.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `data` is empty or longer than the buffer; else as [`Gpu::upload`]. The other versions stay
    /// good.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing was published. The next update takes the same version, when the upload that was dropped is
    /// through.
    pub fn update<D>(&self, data: D) -> impl Future<Output = Result<GpuBuffer<T>>> + Send + use<T, D>
    where
        D: IntoUploadData<Element = T>,
    {
        let (shared, data) = (Arc::clone(&self.shared), data.into_upload_data());
        async move {
            shared.check(data.bytes)?;
            let mut turn = Turn::take(&shared).await?;
            turn.settle().await;
            let buffer = turn.buffer().clone();
            let is_idle = turn.hide().await?;
            match data.host_bytes().filter(|_| is_idle) {
                Some(bytes) => write(buffer.inner(), bytes),
                None => turn.upload(data).await?,
            }
            turn.publish();
            Ok(buffer)
        }
    }
}

impl<T> Streamed<T> {
    /// Elements in each version: at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Always `false`: there are no empty buffers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How many versions there are.
    #[must_use]
    pub fn versions(&self) -> usize {
        self.shared.buffers.len()
    }

    /// The name it was made with; the versions have their number behind it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<T> Shared<T> {
    fn len(&self) -> usize {
        self.buffers[0].len()
    }

    /// Whether so much data fits, before a version is taken for it.
    fn check(&self, bytes: u64) -> Result<()> {
        let (name, most, size) = (&self.name, self.len(), size_of::<T>().max(1) as u64);
        let (count, rest) = (bytes / size, bytes % size);
        if bytes == 0 {
            return Err(Error::Invalid(format!("update of `{name}` with 0 elements; it takes 1 to {most}")));
        }
        if rest != 0 || count > most as u64 {
            return Err(Error::Invalid(format!(
                "update of `{name}` with {bytes} bytes; it takes 1 to {most} whole elements of {size}"
            )));
        }
        Ok(())
    }
}

/// Writes the start of a version that nobody reads. "Host write ordering guarantees": the submission of whoever reads it makes
/// the writes visible.
fn write(buffer: &BufferInner, bytes: &[u8]) {
    let Some(start) = buffer.mapped() else { return };
    // SAFETY: all of the buffer is mapped, and the data is no longer. The version is this turn's, so no other thread writes it;
    // the GPU does not use it, unless a pass overwrites an old handle of it, and then it holds some bytes or others.
    unsafe { start.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
    lock(&buffer.state).written_by_host(Region::bytes(0..bytes.len() as u64));
}

/// A version, from when it is to be written until it is published or given up.
struct Turn<T> {
    shared: Arc<Shared<T>>,
    version: usize,
    /// Under way to it: this turn's, or one that an earlier turn left.
    upload: Option<Upload>,
    published: bool,
    /// Dropped after the version is back: whoever gets the permit finds it.
    _permit: OwnedSemaphorePermit,
}

impl<T> Turn<T> {
    async fn take(shared: &Arc<Shared<T>>) -> Result<Self> {
        let permit = Arc::clone(&shared.permits).acquire_owned().await;
        shared.gpu.check()?; // why the permits are closed, if they are
        let permit = permit.map_err(|_| Error::Closed)?;
        let version = lock(&shared.versions).take().ok_or(Error::Closed)?; // more versions than permits
        let upload = lock(&shared.left[version]).take();
        Ok(Self { shared: Arc::clone(shared), version, upload, published: false, _permit: permit })
    }

    /// Waits for what an earlier turn left: it might come after a shorter upload that was asked for later.
    async fn settle(&mut self) {
        if let Some(left) = &mut self.upload {
            let _ = left.await; // whatever it wrote is written again
            self.upload = None;
        }
    }

    /// From now on, whoever still has a handle of the version's old contents gets an error, never half of the new ones. Whether
    /// the CPU can write the version: it sees it, and no work that was submitted uses it.
    async fn hide(&self) -> Result<bool> {
        let buffer = Arc::clone(self.buffer().inner());
        if buffer.mapped().is_none() {
            lock(&buffer.state).hide(buffer.whole());
            return Ok(false);
        }
        let hide = move |submitter: &Submitter| {
            let mut state = lock(&buffer.state);
            state.hide(buffer.whole());
            state.uses(buffer.whole()).all(|stamp| submitter.completion(stamp).is_complete())
        };
        // Between commits: one that was let through before must count as a use by now.
        let hidden = self.shared.gpu.shared.submitter.between_commits(hide).await;
        hidden.map_err(|_| self.shared.gpu.refusal().unwrap_or(Error::Closed))
    }

    async fn upload(&mut self, data: UploadData<T>) -> Result<()> {
        let upload = self.shared.gpu.upload(self.buffer(), 0, data).priority(Priority::Frame);
        let done = self.upload.insert(upload).await;
        self.upload = None;
        done.map(drop)
    }

    fn buffer(&self) -> &GpuBuffer<T> {
        &self.shared.buffers[self.version]
    }

    fn publish(mut self) {
        let buffer = self.buffer().inner();
        lock(&buffer.state).show(buffer.whole()); // what the data was too short for
        self.published = true;
    }
}

impl<T> Drop for Turn<T> {
    fn drop(&mut self) {
        *lock(&self.shared.left[self.version]) = self.upload.take();
        let mut versions = lock(&self.shared.versions);
        if self.published {
            versions.publish(self.version);
        } else {
            versions.give_back(self.version);
        }
    }
}

impl<T> Clone for Streamed<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Streamed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed")
            .field("name", &self.name())
            .field("len", &self.len())
            .field("versions", &self.versions())
            .finish_non_exhaustive()
    }
}
