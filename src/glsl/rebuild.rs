//! What a live pipeline is made from, and making it again.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Weak, mpsc},
};

use super::{compile::translate, files::Files, live::Inner};
use crate::{
    error::{Error, Result, guarded},
    gpu::{Gpu, Shared},
    pipeline::Pipelines,
};

/// Makes a pipeline of the shaders' SPIR-V, in the order of their paths. Blocks while the driver compiles.
pub(super) type Make<P> = Arc<dyn Fn(&Pipelines, &[Vec<u8>]) -> Result<P> + Send + Sync>;

/// Shaders, and how a pipeline is made of them.
pub(super) struct Recipe<P> {
    pub(super) paths: Vec<PathBuf>,
    pub(super) make: Make<P>,
}

impl<P> Recipe<P> {
    /// Compiles the shaders; `files` then knows all that they depend on.
    pub(super) fn compile(&self, files: &mut Files) -> Result<Vec<Vec<u8>>> {
        self.paths.iter().map(|path| translate(path, files)).collect()
    }
}

/// Something that is made from files, as the thread that watches them sees it.
pub(super) trait Watched: Send {
    /// Makes it again if a file is not what it was. Whether anybody still wants it.
    fn look(&mut self) -> bool;

    /// The folders that it depends on.
    fn folders(&self) -> BTreeSet<PathBuf>;
}

/// A live pipeline's other half. It holds nothing of the device while it waits, so that handles alone decide when that goes.
pub(super) struct Rebuild<P> {
    pub(super) recipe: Recipe<P>,
    pub(super) files: Files,
    pub(super) gpu: Weak<Shared>,
    pub(super) inner: Weak<Inner<P>>,
}

impl<P: Send + Sync + 'static> Watched for Rebuild<P> {
    fn look(&mut self) -> bool {
        if self.gpu.strong_count() == 0 || self.inner.strong_count() == 0 {
            return false;
        }
        if self.files.changed() {
            let made = self.make();
            let Some(inner) = self.inner.upgrade() else { return false };
            guarded("a waker or a tracing subscriber", || inner.tell(made));
        }
        true
    }

    fn folders(&self) -> BTreeSet<PathBuf> {
        self.files.folders()
    }
}

impl<P: Send + Sync + 'static> Rebuild<P> {
    /// Compiles on this thread; the pipeline itself is made by a helper of the `Gpu`, whose end waits for its helpers.
    fn make(&mut self) -> Result<P> {
        let mut files = self.files.anew();
        let shaders = self.recipe.compile(&mut files);
        self.files = files;
        let shaders = shaders?;
        let (send, made) = mpsc::channel();
        {
            let gpu = Gpu { shared: self.gpu.upgrade().ok_or(Error::Closed)? };
            let (make, pipelines) = (Arc::clone(&self.recipe.make), Arc::clone(&gpu.shared.pipelines));
            let make = move || drop(send.send(make(&pipelines, &shaders)));
            gpu.shared.helpers.spawn(false, make)?;
        }
        made.recv().unwrap_or_else(|_| {
            let message = "see the log".to_owned();
            Err(Error::HelperPanicked { task: "making a pipeline again".into(), message })
        })
    }
}
