//! Handles of pipelines that follow their files.

use std::{
    fmt, mem,
    path::{Path, PathBuf},
    pin::pin,
    sync::{Arc, Weak},
};

use futures::future::{Either, select};
use tokio::sync::{Semaphore, watch};

use super::{
    files::Files,
    rebuild::{Make, Rebuild, Recipe},
    watch::{Watch, Watching},
};
use crate::{
    error::{Error, Result},
    gpu::{Gpu, Shared},
    pipeline::{ComputePipeline, GraphicsDesc, GraphicsPipeline},
};

/// A pipeline that is made anew when the files of its shaders change. A cheap handle; when the last one is dropped, the
/// files are not watched any more.
///
/// [`Gpu::live_compute_pipeline`] and [`Gpu::live_graphics_pipeline`] make it.
pub struct Live<P> {
    inner: Arc<Inner<P>>,
    state: watch::Receiver<State<P>>,
}

/// What the handles share. The thread that watches has a weak reference to it.
pub(super) struct Inner<P> {
    /// The shaders, for messages.
    name: String,
    state: watch::Sender<State<P>>,
    gpu: Weak<Shared>,
    /// Never has a permit; closed with the `Gpu`.
    open: Arc<Semaphore>,
    /// Ends the watch when it is dropped.
    watching: Watching,
}

struct State<P> {
    pipeline: P,
    error: Option<Error>,
}

impl<P> Live<P> {
    /// The newest pipeline that could be made. It takes a lock for the time of a clone.
    #[must_use]
    pub fn current(&self) -> P
    where
        P: Clone,
    {
        self.state.borrow().pipeline.clone()
    }

    /// What is wrong with the files as they are now, if they make no pipeline; [`current`](Self::current) is then what they
    /// made before.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.state.borrow().error.clone()
    }

    /// Waits until there is a new pipeline or a new error, if there was none yet since this handle was made or this last
    /// returned.
    ///
    /// # Errors
    ///
    /// [`Error::Closed`] or [`Error::DeviceLost`] when there will be none any more.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses nothing.
    pub async fn changed(&mut self) -> Result<()> {
        let closed = pin!(self.inner.open.acquire());
        if let Either::Left((Ok(()), _)) = select(pin!(self.state.changed()), closed).await {
            return Ok(());
        }
        let refusal = self.inner.gpu.upgrade().and_then(|shared| Gpu { shared }.refusal());
        Err(refusal.unwrap_or(Error::Closed))
    }
}

impl<P> Inner<P> {
    /// Takes over what the files made now.
    pub(super) fn tell(&self, made: Result<P>) {
        match made {
            Ok(pipeline) => {
                tracing::info!("{}: made again from its changed files", self.name);
                let mut old = None;
                self.state.send_modify(|state| {
                    old = Some(mem::replace(&mut state.pipeline, pipeline));
                    state.error = None;
                });
                drop(old); // not under the state's lock
            }
            Err(Error::Closed) => {}
            Err(error) => {
                let said = error.to_string();
                let known = self.state.borrow().error.as_ref().is_some_and(|known| known.to_string() == said);
                if !known {
                    tracing::error!("{said}\n{}: the pipeline made before stays", self.name);
                    self.state.send_modify(|state| state.error = Some(error));
                }
            }
        }
    }
}

impl Gpu {
    /// Makes a compute pipeline from a GLSL file, and makes it anew when that file or one that it includes changes.
    ///
    /// The shader must be as [`compute_pipeline`](Self::compute_pipeline) says.
    ///
    /// ```no_run
    /// # async fn example(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
    /// let mut wave = gpu.live_compute_pipeline("shaders/wave.comp").await?;
    /// let now = wave.current();
    /// wave.changed().await?; // somebody saved the file
    /// if let Some(error) = wave.error() {
    ///     println!("{error}"); // shaders/wave.comp:12: ..; `current` is what it was
    /// }
    /// # let _ = now;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Shader`] if the file as it is now makes no pipeline, with file and line; [`Error::Io`] if the system does
    /// not watch files for us.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is watched.
    pub async fn live_compute_pipeline(&self, path: impl AsRef<Path>) -> Result<Live<ComputePipeline>> {
        let path = path.as_ref().to_owned();
        let name = path.display().to_string();
        let called = name.clone();
        let make: Make<ComputePipeline> =
            Arc::new(move |pipelines, shaders| pipelines.own_compute(&called, &shaders[0]));
        self.live(name, Recipe { paths: vec![path], make }).await
    }

    /// Makes a graphics pipeline from two GLSL files, and makes it anew when one of them or one that they include changes.
    /// `describe` says the rest of what the pipeline is; it is called once, before this returns.
    ///
    /// # Errors
    ///
    /// As [`live_compute_pipeline`](Self::live_compute_pipeline), and for a format that does not fit its use.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is watched.
    pub async fn live_graphics_pipeline(
        &self,
        vertex: impl AsRef<Path>,
        fragment: impl AsRef<Path>,
        describe: impl FnOnce(GraphicsDesc) -> GraphicsDesc,
    ) -> Result<Live<GraphicsPipeline>> {
        let paths: Vec<PathBuf> = vec![vertex.as_ref().to_owned(), fragment.as_ref().to_owned()];
        let name = format!("{} + {}", paths[0].display(), paths[1].display());
        let desc = describe(GraphicsDesc::new(&name, &[], &[]));
        let make: Make<GraphicsPipeline> =
            Arc::new(move |pipelines, shaders| pipelines.own_graphics(desc.clone().shaders(&shaders[0], &shaders[1])));
        self.live(name, Recipe { paths, make }).await
    }

    async fn live<P: Send + Sync + 'static>(&self, name: String, recipe: Recipe<P>) -> Result<Live<P>> {
        let pipelines = Arc::clone(&self.shared.pipelines);
        let first = move || {
            let mut files = Files::here();
            let shaders = recipe.compile(&mut files)?;
            let pipeline = (recipe.make)(&pipelines, &shaders)?;
            Ok((recipe, files, pipeline))
        };
        let (recipe, files, pipeline) = self.shared.helpers.run("making a live pipeline", first).await??;

        let open = Arc::new(Semaphore::new(0));
        self.shared.close_with(&open);
        let gpu = Arc::downgrade(&self.shared);
        let watching = Watch::start()?;
        let (sender, state) = watch::channel(State { pipeline, error: None });
        let inner = Inner { name, state: sender, gpu: Weak::clone(&gpu), open, watching };
        let inner = Arc::new(inner);
        let rebuild = Rebuild { recipe, files, gpu, inner: Arc::downgrade(&inner) };
        inner.watching.add(Box::new(rebuild)).await?;
        Ok(Live { inner, state })
    }
}

impl<P> Clone for Live<P> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), state: self.state.clone() }
    }
}

impl<P> fmt::Debug for Live<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = self.error();
        f.debug_struct("Live").field("name", &self.inner.name).field("error", &error).finish_non_exhaustive()
    }
}
