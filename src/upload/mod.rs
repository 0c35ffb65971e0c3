//! Data on its way to the GPU.
//!
//! [`Upload`] is a future over a [`request`]. Its first poll asks the thread of [`actor`], which gathers small uploads
//! ([`flush`], [`coalesce`]) and cuts large ones ([`load`], [`chunk`]) into copies out of [`staging`] memory, in the order of
//! [`order`]. Copies are committed as graphs are, so frames and uploads wait for each other on the GPU, range by range.

mod actor;
mod chunk;
pub(crate) mod coalesce;
mod data;
mod flush;
mod import;
mod load;
mod mailbox;
mod order;
mod request;
mod stage;
mod staging;
mod stream;
mod streamed;
mod target;
mod versions;

use std::{
    mem::size_of,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, OnceLock},
    thread::{self, JoinHandle},
    time::Duration,
};

use bytemuck::Pod;
use tokio::sync::Notify;

use self::{
    actor::Actor,
    data::Source,
    mailbox::{Mailbox, News},
    request::{Request, Ticket},
    staging::Staging as StagingMemory,
    target::{ImageTarget, Target},
};
pub use self::{
    data::{IntoUploadData, UploadData},
    import::{Imported, ImportedSlice},
    order::Priority,
    request::Upload,
    stage::Staging,
    stream::Uploaded,
    streamed::Streamed,
};
use crate::{
    error::{Error, Result, panic_message},
    exec::Submitter,
    gpu::{
        Gpu,
        device::Device,
        helpers::{Helpers, cores},
    },
    pipeline::Pipelines,
    resource::{GpuBuffer, ImagePart, ImageRole},
    sync::prim::lock,
};

/// More threads fill no faster (docs/numbers.md); where there are fewer cores, some are left to others.
const MOST_FILLING_THREADS: usize = 12;

/// The uploads of a `Gpu`.
pub(crate) struct Uploads {
    core: Arc<Core>,
    staged: Arc<StagingMemory>,
    room: Arc<Notify>,
    turn: tokio::sync::Mutex<()>,
    thread: OnceLock<Option<Mutex<Option<JoinHandle<()>>>>>,
}

/// What the upload thread works with.
struct Core {
    device: Arc<Device>,
    submitter: Arc<Submitter>,
    mailbox: Arc<Mailbox>,
    /// For what lies elsewhere.
    staging: Arc<StagingMemory>,
    fill: Helpers,
    pipelines: Arc<Pipelines>,
}

impl Core {
    /// Staging memory that loads leave to what is urgent.
    fn reserve(&self) -> u64 {
        self.staging.longest().min(self.staging.budget() / 4)
    }

    /// The longest chunk of a load that there can be.
    fn longest_chunk(&self) -> u64 {
        self.staging.longest().min(self.staging.budget() - self.reserve())
    }
}

impl Uploads {
    /// Starts nothing yet.
    pub(crate) fn new(
        device: &Arc<Device>,
        submitter: &Arc<Submitter>,
        pipelines: &Arc<Pipelines>,
        budget: u64,
    ) -> Self {
        let (mailbox, room) = (Arc::<Mailbox>::default(), Arc::<Notify>::default());
        let (post, notify) = (Arc::clone(&mailbox), Arc::clone(&room));
        let for_staged = budget / 3;
        let staging =
            StagingMemory::new(Arc::clone(device), budget - for_staged, Box::new(move || post.tell(News::Room)));
        let staged = StagingMemory::new(Arc::clone(device), for_staged, Box::new(move || notify.notify_waiters()));
        let core = Core {
            device: Arc::clone(device),
            submitter: Arc::clone(submitter),
            mailbox,
            staging,
            pipelines: Arc::clone(pipelines),
            fill: Helpers::named("fill", (cores() * 3 / 4).clamp(2, MOST_FILLING_THREADS)),
        };
        Self { core: Arc::new(core), staged, room, turn: tokio::sync::Mutex::default(), thread: OnceLock::new() }
    }

    /// # Errors
    /// [`Error::Closed`], or the thread cannot be started.
    fn ask(&self, ticket: Ticket) -> Result<()> {
        if self.thread.get_or_init(|| self.start()).is_none() {
            return Err(Error::OutOfHostMemory { context: "starting the upload thread".into() });
        }
        self.core.mailbox.ask(ticket)
    }

    fn start(&self) -> Option<Mutex<Option<JoinHandle<()>>>> {
        let core = Arc::clone(&self.core);
        let work = move || {
            let actor = Actor::new(Arc::clone(&core));
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| actor.run())) {
                tracing::error!(target: "vulkio::upload", message = panic_message(&*payload), "the upload thread panicked");
            }
            drop(core.mailbox.close()); // answers what came too late
        };
        let thread = thread::Builder::new().name("vulkio-upload".into()).spawn(work).ok()?;
        Some(Mutex::new(Some(thread)))
    }

    /// Staging memory that programs write themselves.
    fn staged(&self) -> &Arc<StagingMemory> {
        &self.staged
    }

    /// Held by who looks for some of it.
    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }

    /// Notified when some of it is free again.
    fn room(&self) -> &Notify {
        &self.room
    }

    /// Takes no more uploads. Those that were not submitted are answered with [`Error::Closed`]. Waits for the thread, which
    /// waits for nobody, and up to `limit` for those that fill; whether all have ended.
    pub(crate) fn stop(&self, limit: Duration) -> bool {
        self.core.mailbox.stop();
        self.room.notify_waiters();
        let thread = self.thread.get().and_then(|thread| lock(thread.as_ref()?).take());
        // The thread itself may have dropped the last handle of a `Gpu`, in a waker.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != thread::current().id())
            && thread.join().is_err()
        {
            tracing::error!(target: "vulkio::upload", "the upload thread panicked");
        }
        self.core.fill.close(Some(limit))
    }
}

impl Gpu {
    /// Copies `data` into `buffer`, from element `at` on, over the transfer queue. Resolves when the copy is submitted:
    /// graphs submitted after that see the data, all of it.
    ///
    /// Uploads that nobody orders by awaiting one before the other may take effect in either order, each as a whole. Those of
    /// more than 2 MiB go in chunks: straight into a range that nothing was written to yet, and else through device memory
    /// of the same size, from which they are copied at the end.
    ///
    /// ```no_run
    /// # async fn example(gpu: vulkio::Gpu) -> vulkio::Result<()> {
    /// let buffer = gpu.buffer::<f32>("samples", 1024)?;
    /// let copied = gpu.upload(&buffer, 0, vec![0.5; 1024]).await?; // graphs submitted from here on see it
    /// copied.await // only if the CPU must know
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no data, it is no whole number of elements, or does not fit; [`Error::Graph`] for a
    /// buffer of another `Gpu`; [`Error::OutOfDeviceMemory`] if there is no room to stage it; [`Error::Closed`];
    /// [`Error::DeviceLost`]. Nothing is written then.
    ///
    /// # Cancel safety
    ///
    /// See [`Upload`].
    pub fn upload<D: IntoUploadData>(&self, buffer: &GpuBuffer<D::Element>, at: usize, data: D) -> Upload {
        let UploadData { source, bytes, .. } = data.into_upload_data();
        self.declare(self.target(buffer, at, bytes), source)
    }

    /// Writes ranges of a buffer, all in one submission: pairs of the first element and the data for it and those after it. Of
    /// ranges that overlap the later one counts. It costs less than an [`upload`](Self::upload) for each of them.
    ///
    /// The data are copied now, together at most 16 MiB, or two thirds of
    /// [`GpuOptions::staging_bytes`](crate::GpuOptions::staging_bytes) if that is less. More than 256 places are written by a
    /// dispatch, if elements are whole words of 4 bytes. More than 16 places count as all from the first to the last, when
    /// readers are waited for and when what nothing has written is asked for. Otherwise as [`upload`](Self::upload).
    ///
    /// ```no_run
    /// # use vulkio::{Gpu, GpuBuffer};
    /// # async fn example(gpu: Gpu, bodies: GpuBuffer<[f32; 4]>, moved: Vec<(usize, [f32; 4])>) -> vulkio::Result<()> {
    /// gpu.upload_ranges(&bodies, moved.into_iter().map(|(index, place)| (index, [place]))).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload); [`Error::Invalid`] if there are no ranges, one has no elements, or there is too much data.
    pub fn upload_ranges<T: Pod, D: AsRef<[T]>>(
        &self,
        buffer: &GpuBuffer<T>,
        ranges: impl IntoIterator<Item = (usize, D)>,
    ) -> Upload {
        let packed = self.pack(buffer, ranges);
        Upload::new(self, packed.map(|(target, data)| Request::new(target, Source::Host(data.into()))))
    }

    fn pack<T: Pod, D: AsRef<[T]>>(
        &self,
        buffer: &GpuBuffer<T>,
        ranges: impl IntoIterator<Item = (usize, D)>,
    ) -> Result<(Target, Vec<u8>)> {
        let (mut pieces, mut data) = (Vec::new(), Vec::new());
        for (at, elements) in ranges {
            let elements = elements.as_ref();
            self.check_target(buffer, std::mem::size_of_val(elements) as u64)?;
            pieces.push(buffer.byte_range(&(at..at.saturating_add(elements.len())))?);
            data.extend_from_slice(bytemuck::cast_slice(elements));
        }
        let (name, bytes, most) = (buffer.name(), data.len() as u64, self.shared.uploads.core.staging.longest());
        if bytes > most {
            return Err(Error::Invalid(format!(
                "upload of {bytes} bytes in ranges to `{name}`; {most} are the most at once: cut them"
            )));
        }
        let first = pieces.iter().map(|piece| piece.start).min();
        let (Some(first), Some(last)) = (first, pieces.iter().map(|piece| piece.end).max()) else {
            return Err(Error::Invalid(format!("upload of 0 ranges to `{name}`; give at least one")));
        };
        let (buffer, bounds) = (Arc::clone(buffer.inner()), first..last);
        Ok((Target::Ranges { buffer, bounds, pieces: pieces.into(), bytes }, data))
    }

    /// Fills `buffer` with what `generate` writes: called with a range of elements and the place for them, piece by piece,
    /// by several threads at once and in any order; more than once for an element if a pass writes the buffer meanwhile.
    /// Otherwise as [`upload`](Self::upload).
    ///
    /// The place is not cleared; all of it must be written, and reading it is slow.
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload); [`Error::HelperPanicked`] if `generate` does: then what was written cannot be read.
    pub fn upload_with<T, F>(&self, buffer: &GpuBuffer<T>, generate: F) -> Upload
    where
        T: Pod,
        F: Fn(Range<usize>, &mut [T]) + Send + Sync + 'static,
    {
        let UploadData { source, bytes, .. } = UploadData::generated(buffer.len(), generate);
        self.declare(self.target(buffer, 0, bytes), source)
    }

    /// Copies texels to an image: to one level of it, in one layer or in all, row after row from the top without gaps.
    /// Otherwise as [`upload`](Self::upload).
    ///
    /// ```no_run
    /// # use vulkio::{Gpu, GpuImage, RenderTarget};
    /// # async fn example(gpu: Gpu, photo: GpuImage<RenderTarget>, texels: Vec<u8>) -> vulkio::Result<()> {
    /// gpu.upload_image(&photo.level(0), texels).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`upload`](Self::upload); [`Error::Invalid`] if the data is not as long as the texels, if the part of the image is
    /// several levels, or if data that the GPU reads where it is does not lie at a multiple of 16 bytes.
    pub fn upload_image<I: ImagePart>(&self, image: &I, data: impl IntoUploadData<Element = u8>) -> Upload
    where
        I::Role: ImageRole,
    {
        let UploadData { source, bytes, .. } = data.into_upload_data();
        self.declare(self.image_target(image, &source, bytes), source)
    }

    fn declare(&self, target: Result<Target>, source: Source) -> Upload {
        let declared = target.and_then(|target| {
            self.check_source(&source, target.name())?;
            Ok(Request::new(target, source))
        });
        Upload::new(self, declared)
    }

    fn target<T>(&self, buffer: &GpuBuffer<T>, at: usize, bytes: u64) -> Result<Target> {
        let element = self.check_target(buffer, bytes)?;
        let len = usize::try_from(bytes / element).unwrap_or(usize::MAX);
        let range = buffer.byte_range(&(at..at.saturating_add(len)))?;
        Ok(Target::Buffer { buffer: Arc::clone(buffer.inner()), range, element })
    }

    /// The bytes of an element, if some can be uploaded.
    fn check_target<T>(&self, buffer: &GpuBuffer<T>, bytes: u64) -> Result<u64> {
        let (name, element) = (buffer.name(), size_of::<T>().max(1) as u64);
        if bytes == 0 {
            return Err(Error::Invalid(format!("upload of 0 elements to `{name}`; upload at least one")));
        }
        if !bytes.is_multiple_of(element) {
            return Err(Error::Invalid(format!(
                "upload of {bytes} bytes to `{name}`, whose elements have {element} each; upload whole elements"
            )));
        }
        if !buffer.same_device(self) {
            return Err(Error::Graph(format!("upload to `{name}`, which belongs to another Gpu")));
        }
        if element > self.shared.uploads.core.longest_chunk() {
            return Err(Error::Invalid(format!(
                "upload to `{name}`, whose elements of {element} bytes do not fit into staging memory; use smaller elements, \
                 or raise `GpuOptions::staging_bytes`"
            )));
        }
        Ok(element)
    }

    fn image_target<I: ImagePart>(&self, image: &I, source: &Source, bytes: u64) -> Result<Target> {
        let target = Target::Image(ImageTarget::new(&self.shared.device, &image.part())?);
        let (name, texels) = (target.name(), target.bytes());
        if bytes != texels {
            return Err(Error::Invalid(format!(
                "upload of {bytes} bytes to `{name}`, whose texels there have {texels}"
            )));
        }
        if let Source::Mapped(_, at) = source
            && !at.is_multiple_of(16)
        {
            return Err(Error::Invalid(format!(
                "upload to `{name}` from byte {at} of imported memory; begin at a multiple of 16"
            )));
        }
        Ok(target)
    }

    fn check_source(&self, source: &Source, name: &str) -> Result<()> {
        let device: &Arc<Device> = match source {
            Source::Host(_) | Source::Inline(..) | Source::Generated(_) => return Ok(()),
            Source::Staged(span) => span.device(),
            Source::Mapped(buffer, _) => &buffer.device,
        };
        if Arc::ptr_eq(device, &self.shared.device) {
            return Ok(());
        }
        Err(Error::Graph(format!("upload to `{name}` of data that another Gpu staged or imported")))
    }
}
