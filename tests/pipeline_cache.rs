//! What drivers compile, kept on disk: there again in the next run, shared with others, and ignored where it is no good.
//!
//! Software drivers keep nothing in their caches, so most of this is tried with a stand-in for the driver's cache, which
//! has a byte for each pipeline.

mod common;
mod folder;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{CStr, c_void},
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use common::{close, open, soon, strict, until};
use folder::Folder;
use vulkio::{
    Gpu, GpuOptions, Intercept,
    ash::vk::{self, Handle},
};

/// The driver's caches, as the stand-in sees them.
#[derive(Default)]
struct Caches {
    /// What each has.
    contents: BTreeMap<u64, BTreeSet<u8>>,
    /// What each began with, in order.
    begun_with: Vec<Vec<u8>>,
    merges: usize,
    /// Threads that asked for a cache's data.
    readers: BTreeSet<String>,
}

static CACHES: Mutex<Caches> =
    Mutex::new(Caches { contents: BTreeMap::new(), begun_with: Vec::new(), merges: 0, readers: BTreeSet::new() });
/// What the next pipeline adds.
static NEXT: AtomicU8 = AtomicU8::new(0);
static CREATE: AtomicUsize = AtomicUsize::new(0);
static DATA: AtomicUsize = AtomicUsize::new(0);
static COMPUTE: AtomicUsize = AtomicUsize::new(0);

/// The driver's own header of a cache's data.
const HEADER: usize = 32;

fn caches<R>(look: impl FnOnce(&mut Caches) -> R) -> R {
    look(&mut CACHES.lock().expect("not poisoned"))
}

type Create = unsafe extern "system" fn(
    vk::Device,
    *const vk::PipelineCacheCreateInfo<'_>,
    *const c_void,
    *mut vk::PipelineCache,
) -> vk::Result;
type Data = unsafe extern "system" fn(vk::Device, vk::PipelineCache, *mut usize, *mut c_void) -> vk::Result;
type Compute = unsafe extern "system" fn(
    vk::Device,
    vk::PipelineCache,
    u32,
    *const c_void,
    *const c_void,
    *mut vk::Pipeline,
) -> vk::Result;

unsafe extern "system" fn create(
    device: vk::Device,
    info: *const vk::PipelineCacheCreateInfo<'_>,
    callbacks: *const c_void,
    out: *mut vk::PipelineCache,
) -> vk::Result {
    // SAFETY: the arguments of a call that is being made; the function was stored when this one was handed out.
    unsafe {
        let given = match (*info).initial_data_size {
            0 => &[],
            size => std::slice::from_raw_parts((*info).p_initial_data.cast::<u8>(), size),
        };
        let real: Create = std::mem::transmute(CREATE.load(SeqCst));
        let result = real(device, &vk::PipelineCacheCreateInfo::default(), callbacks, out);
        let had = given.get(HEADER..).unwrap_or_default().to_vec();
        caches(|caches| {
            caches.contents.insert((*out).as_raw(), had.iter().copied().collect());
            caches.begun_with.push(had);
        });
        result
    }
}

unsafe extern "system" fn data(
    device: vk::Device,
    cache: vk::PipelineCache,
    size: *mut usize,
    out: *mut c_void,
) -> vk::Result {
    let thread = thread::current().name().unwrap_or("?").to_owned();
    let has: Vec<u8> = caches(|caches| {
        caches.readers.insert(thread);
        caches.contents[&cache.as_raw()].iter().copied().collect()
    });
    // SAFETY: as above; `out` has room for `size` bytes.
    unsafe {
        if out.is_null() {
            *size = HEADER + has.len();
            return vk::Result::SUCCESS;
        }
        assert!(*size >= HEADER + has.len(), "the caller asked before");
        let real: Data = std::mem::transmute(DATA.load(SeqCst));
        let mut header = HEADER;
        let result = real(device, cache, &mut header, out);
        assert!(header == HEADER && [vk::Result::SUCCESS, vk::Result::INCOMPLETE].contains(&result), "{result:?}");
        out.cast::<u8>().add(HEADER).copy_from_nonoverlapping(has.as_ptr(), has.len());
        *size = HEADER + has.len();
    }
    vk::Result::SUCCESS
}

unsafe extern "system" fn merge(
    _: vk::Device,
    into: vk::PipelineCache,
    count: u32,
    from: *const vk::PipelineCache,
) -> vk::Result {
    // SAFETY: as above.
    let from = unsafe { std::slice::from_raw_parts(from, count as usize) };
    caches(|caches| {
        caches.merges += 1;
        let all: Vec<u8> = from.iter().flat_map(|cache| caches.contents[&cache.as_raw()].clone()).collect();
        caches.contents.entry(into.as_raw()).or_default().extend(all);
    });
    vk::Result::SUCCESS
}

unsafe extern "system" fn compute(
    device: vk::Device,
    cache: vk::PipelineCache,
    count: u32,
    infos: *const c_void,
    callbacks: *const c_void,
    out: *mut vk::Pipeline,
) -> vk::Result {
    caches(|caches| caches.contents.entry(cache.as_raw()).or_default().insert(NEXT.load(SeqCst)));
    // SAFETY: as above.
    unsafe {
        let real: Compute = std::mem::transmute(COMPUTE.load(SeqCst));
        real(device, cache, count, infos, callbacks, out)
    }
}

fn replace(name: &CStr, real: *const c_void) -> *const c_void {
    let (kept, stand_in) = match name.to_bytes() {
        b"vkCreatePipelineCache" => (Some(&CREATE), create as *const c_void),
        b"vkGetPipelineCacheData" => (Some(&DATA), data as *const c_void),
        b"vkCreateComputePipelines" => (Some(&COMPUTE), compute as *const c_void),
        b"vkMergePipelineCaches" => (None, merge as *const c_void),
        _ => return real,
    };
    if let Some(kept) = kept {
        kept.store(real as usize, SeqCst);
    }
    stand_in
}

/// A folder for a test, which begins with no cache.
fn fresh() -> Folder {
    caches(|caches| *caches = Caches::default());
    Folder::new()
}

/// A device whose cache is the stand-in, and kept in a folder.
fn gpu(folder: &Path) -> Gpu {
    let hook: Intercept = Arc::new(replace);
    // SAFETY: the replacements have the types of what they replace, and do what it does to all that can see it.
    open(unsafe { strict().pipeline_cache(folder).intercept(hook) })
}

/// Makes a pipeline that adds a byte to the cache.
async fn make(gpu: &Gpu, byte: u8) {
    make_of(gpu, byte, include_bytes!("../shaders/spv/saxpy.comp.spv")).await;
}

/// A `Gpu` makes one pipeline of a shader, once.
async fn make_of(gpu: &Gpu, byte: u8, spirv: &[u8]) {
    NEXT.store(byte, SeqCst);
    soon("a pipeline", gpu.compute_pipeline("a kernel", spirv)).await.expect("a pipeline");
}

/// The one file in the folder, without vulkio's header and the driver's.
fn kept(folder: &Folder) -> Vec<u8> {
    let names = folder.names();
    assert_eq!(names.len(), 1, "{names:?}");
    fs::read(folder.path().join(&names[0])).expect("a file")[64 + HEADER..].to_vec()
}

fn begun_with() -> Vec<Vec<u8>> {
    caches(|caches| caches.begun_with.clone())
}

#[tokio::test]
async fn what_one_run_compiled_the_next_has() {
    let folder = fresh();
    let first = gpu(folder.path());
    make(&first, 1).await;
    close(first).await;
    assert_eq!(kept(&folder), [1]);

    let second = gpu(folder.path());
    assert_eq!(begun_with(), [vec![], vec![1]]);
    make(&second, 2).await;
    close(second).await;
    assert_eq!(kept(&folder), [1, 2]);
    assert_eq!(caches(|caches| caches.merges), 0, "nobody else wrote");
    // All of it was on a thread made for it.
    assert_eq!(caches(|caches| caches.readers.clone()), BTreeSet::from(["vulkio-cache".to_owned()]));
}

#[tokio::test]
async fn the_real_driver_takes_back_what_it_gave() {
    let folder = fresh();
    for _ in 0..2 {
        let gpu = open(strict().pipeline_cache(folder.path()));
        make(&gpu, 0).await;
        close(gpu).await;
        assert_eq!(folder.names().len(), 1);
    }
}

#[tokio::test]
async fn several_at_once_lose_nothing_of_each_other() {
    let folder = fresh();
    let (one, two, three) = (gpu(folder.path()), gpu(folder.path()), gpu(folder.path()));
    make(&one, 1).await;
    make(&two, 2).await;
    close(two).await;
    assert_eq!(kept(&folder), [2]);
    close(one).await;
    assert_eq!(kept(&folder), [1, 2]);
    make(&three, 3).await;
    close(three).await;
    assert_eq!(kept(&folder), [1, 2, 3]);
    assert_eq!(caches(|caches| caches.merges), 2);
}

#[tokio::test]
async fn what_was_merged_once_is_there_after_further_writes() {
    let folder = fresh();
    let (one, two) = (gpu(folder.path()), gpu(folder.path()));
    make(&two, 2).await;
    close(two).await;
    make(&one, 1).await;
    until("the first write", || kept(&folder) == [1, 2]).await;
    make_of(&one, 3, include_bytes!("../shaders/spv/touch.comp.spv")).await;
    close(one).await;
    assert_eq!(kept(&folder), [1, 2, 3]);
}

#[tokio::test]
async fn it_is_written_while_the_program_runs_when_pipelines_have_settled() {
    let folder = fresh();
    let gpu = gpu(folder.path());
    make(&gpu, 1).await;
    until("the file", || folder.names().iter().any(|name| name.ends_with(".cache"))).await;
    until("the temporary file's end", || folder.names().len() == 1).await;
    assert_eq!(kept(&folder), [1]);
    let written = fs::metadata(folder.path().join(&folder.names()[0])).expect("a file").modified().expect("a time");
    // Nothing is new, so nothing is written.
    close(gpu).await;
    let now = fs::metadata(folder.path().join(&folder.names()[0])).expect("a file").modified().expect("a time");
    assert_eq!(now, written);
}

#[tokio::test]
async fn a_gpu_that_is_only_dropped_writes_it_too() {
    let folder = fresh();
    let gpu = gpu(folder.path());
    make(&gpu, 5).await;
    drop(gpu);
    assert_eq!(kept(&folder), [5]);
}

#[tokio::test]
async fn without_a_folder_or_without_pipelines_nothing_is_written() {
    let folder = fresh();
    let inside = folder.path().join("inside");
    close(gpu(&inside)).await;
    assert!(!inside.exists());
    let without = open(GpuOptions::default());
    make(&without, 1).await;
    without.close().await.expect("closed");
    assert!(folder.names().is_empty());
}

/// What is logged, as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// What was logged about pipeline caches since this was last asked.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        let text = String::from_utf8(bytes).expect("text");
        text.lines().filter(|line| line.contains("pipeline cache")).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn what_is_no_good_is_ignored_with_one_warning_and_replaced() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one");

    let folder = fresh();
    let first = gpu(folder.path());
    make(&first, 1).await;
    close(first).await;
    assert_eq!(log.take(), Vec::<String>::new(), "that there is no file is nothing to warn about");
    let name = folder.names().remove(0);
    let good = fs::read(folder.path().join(&name)).expect("a file");
    let changed = |at: usize| {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        bad
    };
    let bad: [(&str, Vec<u8>); 7] = [
        ("empty", Vec::new()),
        ("cut in the header", good[..50].to_vec()),
        ("cut in the data", good[..good.len() - 1].to_vec()),
        ("somebody else's", b"not a pipeline cache at all, but long enough to be one, one might think".to_vec()),
        ("another driver's", changed(16)),
        ("damaged data", changed(64 + HEADER)),
        ("another format", changed(0)),
    ];
    for (what, bytes) in bad {
        folder.write(&name, bytes);
        let before = begun_with().len();
        let gpu = gpu(folder.path());
        assert_eq!(begun_with()[before], Vec::<u8>::new(), "{what}");
        let said = log.take();
        assert_eq!(said.len(), 1, "{what}: {said:?}");
        assert!(said[0].contains(&name) && said[0].contains("is ignored"), "{said:?}");
        make(&gpu, 9).await;
        close(gpu).await;
        assert_eq!(kept(&folder), [9], "{what}");
        assert_eq!(log.take(), Vec::<String>::new(), "{what}");
    }

    // A folder that cannot be one: two words, one for reading and one for writing, and everything works.
    let gpu = gpu(&folder.path().join(&name));
    make(&gpu, 1).await;
    close(gpu).await;
    let said = log.take();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("is ignored") && said[1].contains("cannot be written"), "{said:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_thread_is_left_after_closing() {
    let folder = fresh();
    let gpu = gpu(folder.path());
    make(&gpu, 1).await;
    let threads = || {
        let tasks = fs::read_dir("/proc/self/task").expect("threads").flatten();
        let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("vulkio")).count()
    };
    assert!(threads() > 0);
    gpu.close().await.expect("closed");
    until("the threads' end", || threads() == 0).await;
    close(gpu).await;
}
