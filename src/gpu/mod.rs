//! An opened device: what everything else is made from.

mod choice;
mod cooperative;
pub(crate) mod counters;
pub(crate) mod device;
mod features;
pub(crate) mod helpers;
mod instance;
pub(crate) mod labels;
mod options;
#[cfg_attr(not(feature = "window"), expect(dead_code, reason = "windows present"))]
pub(crate) mod presentation;
mod presenters;
pub(crate) mod queues;
pub(crate) mod validation;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ash::vk;
use tokio::sync::{Semaphore, oneshot};

pub use self::{
    choice::{DeviceInfo, DeviceKind, DeviceSummary},
    counters::CounterSnapshot,
    device::{RawDevice, RawQueue},
    features::Features,
    options::{DeviceChoice, GpuOptions, Intercept, Validation},
    queues::{QueueId, QueueKind},
};
use self::{device::Device, helpers::Helpers, presenters::Presenters};
use crate::{
    compute::{Batcher, Kernels, ScratchPools},
    error::{Error, Result, panic_message},
    exec::{Pools, ScatterKernel, Submitter, TransientPool},
    graph::cache::PlanCache,
    memory::Pages,
    pipeline::Pipelines,
    readback::ReadPool,
    sync::{Completion, DeviceTimelines, Reactor, Stamp},
    upload::Uploads,
};

/// An opened GPU. Cheap to clone, `Send + Sync`, and independent of any runtime.
///
/// ```no_run
/// # async fn example() -> vulkio::Result<()> {
/// let gpu = vulkio::Gpu::open(vulkio::GpuOptions::default()).await?;
/// println!("{}", gpu.info());
/// gpu.close().await
/// # }
/// ```
///
/// [`close`](Self::close) it when done. The last handle dropped without that waits, blocking, for work in flight, but
/// for no longer than [`GpuOptions::close_timeout`]; work that takes longer keeps what it uses until it is complete.
#[derive(Clone)]
pub struct Gpu {
    pub(crate) shared: Arc<Shared>,
}

/// What the handles of a `Gpu` share. Nothing in flight holds it: dropping the last handle ends the reactor.
pub(crate) struct Shared {
    pub(crate) device: Arc<Device>,
    pub(crate) submitter: Arc<Submitter>,
    pub(crate) uploads: Uploads,
    pub(crate) pools: Arc<Pools>,
    pub(crate) transients: Arc<TransientPool>,
    pub(crate) pages: Arc<Pages>,
    /// Of graphs that are no frames.
    pub(crate) plans: PlanCache,
    /// Of gathered dispatches.
    pub(crate) kernel_plans: PlanCache,
    pub(crate) pipelines: Arc<Pipelines>,
    pub(crate) scatter: ScatterKernel,
    pub(crate) batcher: Arc<Batcher>,
    pub(crate) kernels: Kernels,
    pub(crate) scratch: ScratchPools,
    pub(crate) helpers: Arc<Helpers>,
    pub(crate) readbacks: Arc<ReadPool>,
    pub(crate) presenters: Arc<Presenters>,
    reactor: Reactor,
    closed: AtomicBool,
    close_limit: Duration,
}

impl Gpu {
    /// Opens a device: the best one that fits, unless `options` or `VULKIO_DEVICE` say otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::NoLoader`], [`Error::NoDevice`], [`Error::MissingFeatures`], [`Error::NoValidationLayer`]: each says what
    /// to install or to choose.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the device is opened and closed again on a thread of its own.
    pub async fn open(options: GpuOptions) -> Result<Self> {
        // Loading drivers takes tens of milliseconds, so not on the caller's worker.
        let (send, receive) = oneshot::channel();
        let open = move || drop(send.send(Self::open_blocking(options)));
        let thread = std::thread::Builder::new().name("vulkio-open".into()).spawn(open);
        thread.map_err(|_| Error::OutOfHostMemory { context: "starting a thread to open the device".into() })?;
        receive.await.unwrap_or_else(|_| {
            Err(Error::HelperPanicked { task: "opening the device".into(), message: panic_message(&"see the log") })
        })
    }

    /// As [`open`](Self::open), blocking for as long as loading the drivers takes.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_blocking(options: GpuOptions) -> Result<Self> {
        let device = Device::open(&options)?;
        Self::start(device, &options)
    }

    /// Takes over a device that was made elsewhere. It is not destroyed with the `Gpu`.
    ///
    /// # Errors
    ///
    /// [`Error::MissingFeatures`] if the device cannot have what vulkio needs, [`Error::Invalid`] for a queue that cannot
    /// do what it is given for.
    ///
    /// # Safety
    ///
    /// The handles are valid and stay so until the last object made from this `Gpu` is gone; the features that
    /// [`RawDevice`] names are enabled; the queues are used by nobody else while vulkio submits to them
    /// ([`with_queue`](Self::with_queue) gives exclusive use).
    pub unsafe fn from_raw(raw: RawDevice, options: &GpuOptions) -> Result<Self> {
        // SAFETY: the caller's promise.
        let device = unsafe { Device::from_raw(raw, options) }?;
        Self::start(device, options)
    }

    fn start(device: Arc<Device>, options: &GpuOptions) -> Result<Self> {
        let timelines = Arc::new(DeviceTimelines::new(Arc::clone(&device))?);
        let pipelines = Pipelines::new(Arc::clone(&device), options.pipeline_cache_folder())?;
        // Last of what can fail: its thread ends only when it is told to.
        let reactor = Reactor::start(Arc::clone(&timelines) as _, device.queues.len(), options.spin_time())?;
        let pools = Pools::new(Arc::clone(&device));
        let submitter = Submitter::new(Arc::clone(&device), timelines, Arc::clone(&reactor.hub), Arc::clone(&pools));
        let submitter = Arc::new(submitter);
        let uploads = Uploads::new(&device, &submitter, &pipelines, options.staging_budget());
        let transients = TransientPool::new(Arc::clone(&device));
        let pages = Pages::new(Arc::clone(&device));
        let helpers = Arc::new(Helpers::new());
        let batcher = Batcher::new(&reactor.hub, options.batching_policy(&device.info));
        let readbacks = ReadPool::new(Arc::clone(&device), &helpers, options.readback_bound());
        let shared = Shared {
            submitter,
            uploads,
            pools,
            transients,
            pages,
            plans: PlanCache::default(),
            kernel_plans: PlanCache::default(),
            pipelines,
            scatter: ScatterKernel::default(),
            batcher,
            kernels: Kernels::default(),
            scratch: ScratchPools::default(),
            helpers,
            readbacks,
            presenters: Arc::default(),
            reactor,
            closed: AtomicBool::new(false),
            close_limit: options.close_limit(),
            device,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The devices there are, in the order of [`DeviceChoice::Index`], and what each lacks. Blocks for as long as loading
    /// the drivers takes.
    ///
    /// # Errors
    ///
    /// [`Error::NoLoader`]; [`Error::NoDevice`] if there is no driver.
    pub fn devices() -> Result<Vec<DeviceSummary>> {
        Device::list()
    }

    /// What is known of the device.
    #[must_use]
    pub fn info(&self) -> &DeviceInfo {
        &self.shared.device.info
    }

    /// Counts of Vulkan calls and memory since the device was opened.
    #[must_use]
    pub fn counters(&self) -> CounterSnapshot {
        self.shared.device.counters.snapshot()
    }

    /// The first messages of the validation layer, at most 64; empty is good. All of them go to `tracing`, too.
    #[must_use]
    pub fn validation_messages(&self) -> Vec<String> {
        self.shared.device.validation.messages()
    }

    /// A listener to the validation layer that outlives the device: leaks are only known when it is destroyed.
    #[must_use]
    pub fn validation_log(&self) -> ValidationMessages {
        ValidationMessages(Arc::clone(&self.shared.device.validation))
    }

    /// A completion of everything submitted so far to a queue.
    pub fn submitted(&self, queue: QueueKind) -> Completion {
        let queue = self.shared.device.queues.id(queue);
        let none = Stamp { queue, value: 0 };
        let last = self.shared.submitter.last_stamps().nth(queue.index()).unwrap_or(none);
        self.shared.submitter.completion(last)
    }

    /// Refuses new frames and graphs, waits until all that was submitted is complete, and ends the threads. The device
    /// is destroyed as soon as the last buffer, image, renderer or other handle of it is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::DeviceLost`] if the device was lost on the way, [`Error::Validation`] for a message of strict validation
    /// that nothing reported yet. It is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the `Gpu` stays closed to new work, and what was submitted goes on. It can be called again.
    pub async fn close(&self) -> Result<()> {
        let shared = &self.shared;
        shared.refuse_work();
        shared.batcher.refuse_waiting();
        shared.presenters.stop();
        self.end_uploads().await;
        let mut outcome = Ok(());
        for stamp in shared.submitter.last_stamps() {
            match shared.submitter.completion(stamp).await {
                Ok(()) | Err(Error::Closed) => {}
                Err(error) => outcome = Err(error),
            }
        }
        self.end_presenters().await;
        shared.reactor.stop();
        shared.reactor.stopped().await;
        self.end_helpers().await;
        outcome.and_then(|()| shared.validated())
    }

    /// Ends what submits by itself.
    async fn end_uploads(&self) {
        self.end(|shared| {
            shared.uploads.stop(shared.close_limit);
        })
        .await;
    }

    /// Waits for the threads that present: what they had submitted is complete.
    async fn end_presenters(&self) {
        if self.shared.presenters.are_gone() {
            return;
        }
        self.end(|shared| {
            if !shared.presenters.join_within(shared.close_limit) {
                tracing::error!("a thread that presents does not end; its surface stays");
            }
        })
        .await;
    }

    /// Waits for helper threads and gives kept memory back.
    async fn end_helpers(&self) {
        self.end(|shared| {
            shared.batcher.close(shared.close_limit);
            shared.helpers.close(Some(shared.close_limit));
            shared.pipelines.end(shared.close_limit); // all that were begun are made
            shared.readbacks.close();
        })
        .await;
    }

    /// Does something that blocks on a thread of its own, as the helpers may be what is ended.
    async fn end(&self, end: impl FnOnce(&Shared) + Send + 'static) {
        let (send, receive) = oneshot::channel();
        let gpu = self.clone();
        let end = move || {
            end(&gpu.shared);
            drop(gpu);
            let _ = send.send(()); // the caller may be gone
        };
        if std::thread::Builder::new().name("vulkio-close".into()).spawn(end).is_ok() {
            let _ = receive.await;
        }
    }

    /// Vulkan's own handles, for calls that vulkio has no word for.
    ///
    /// # Safety
    ///
    /// They must not be destroyed, nor used after the last handle of this `Gpu` is gone, and what is done with them must
    /// not disturb vulkio's own objects.
    #[must_use]
    pub unsafe fn raw(&self) -> RawHandles<'_> {
        let device = &self.shared.device;
        RawHandles { instance: &device.instance.raw, physical_device: device.physical, device: &device.raw }
    }

    /// Runs `f` with a queue and its family while vulkio submits nothing: "access to queue must be externally
    /// synchronized". Blocks until whoever submits is done.
    ///
    /// # Safety
    ///
    /// As [`raw`](Self::raw). `f` must not call `with_queue`.
    pub unsafe fn with_queue<R>(&self, queue: QueueKind, f: impl FnOnce(vk::Queue, u32) -> R) -> R {
        let queues = &self.shared.device.queues;
        let info = queues.get(queues.id(queue));
        self.shared.submitter.hold(|| f(info.raw, info.family))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::Acquire)
    }

    /// Whether new work can begin.
    pub(crate) fn check(&self) -> Result<()> {
        self.refusal().map_or_else(|| self.shared.validated(), Err)
    }

    /// Why nothing can be submitted any more: what was lost stays lost, also once it is closed.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let failure = self.shared.reactor.hub.table.failure();
        failure.or_else(|| self.is_closed().then_some(Error::Closed))
    }
}

impl Shared {
    /// Closes a renderer's permits with the `Gpu`.
    pub(crate) fn close_with(&self, permits: &Arc<Semaphore>) {
        self.reactor.hub.close_with(permits);
        if self.closed.load(Ordering::Acquire) {
            permits.close();
        }
    }

    fn refuse_work(&self) {
        self.closed.store(true, Ordering::Release);
        self.reactor.hub.close_permits();
    }

    fn validated(&self) -> Result<()> {
        let log = &self.device.validation;
        match log.strict.then(|| log.take_new()).flatten() {
            Some(message) => Err(Error::Validation { message }),
            None => Ok(()),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.refuse_work();
        self.presenters.stop();
        let filled = self.uploads.stop(self.close_limit);
        let presented = self.presenters.join_within(self.close_limit);
        self.reactor.stop();
        let done = self.reactor.join_within(self.close_limit);
        let gathered = self.batcher.close(self.close_limit);
        let helped = self.helpers.close(Some(self.close_limit));
        let kept = self.pipelines.end(self.close_limit);
        if !done || !filled || !presented || !gathered || !helped || !kept {
            tracing::error!(
                device = self.device.info.name,
                limit = ?self.close_limit,
                "a Gpu was dropped with work in flight that did not end in time; its objects go when that ends: \
                 call `close().await` before"
            );
        }
    }
}

impl fmt::Debug for Gpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpu").field("device", &self.info().name).finish_non_exhaustive()
    }
}

/// What [`Gpu::raw`] gives.
#[derive(Clone, Copy)]
pub struct RawHandles<'g> {
    /// The instance, with its functions.
    pub instance: &'g ash::Instance,
    /// The physical device.
    pub physical_device: vk::PhysicalDevice,
    /// The device, with its functions.
    pub device: &'g ash::Device,
}

impl fmt::Debug for RawHandles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHandles").field("device", &self.device.handle()).finish_non_exhaustive()
    }
}

/// What the validation layer says, also after the device is gone.
#[derive(Clone)]
pub struct ValidationMessages(Arc<validation::ValidationLog>);

impl ValidationMessages {
    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.count()
    }

    /// The first of them, at most 64.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        self.0.messages()
    }
}

impl fmt::Debug for ValidationMessages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ValidationMessages").field(&self.messages()).finish()
    }
}
