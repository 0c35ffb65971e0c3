//! One pipeline per description, made once, off the runtime's workers.

use std::{hash::Hash, path::Path, sync::Arc, time::Duration};

use ash::vk;
use dashmap::DashMap;
use tokio::sync::OnceCell;

use super::{
    ComputePipeline, GraphicsDesc, GraphicsPipeline, PipelineInner, PipelineLayout, compute, driver::DriverCache,
    graphics, shader,
};
use crate::{
    checks::PipelineReach,
    error::{Error, Result},
    gpu::{Gpu, counters::Counters, device::Device},
};

type Cells<K> = DashMap<K, Arc<OnceCell<Arc<PipelineInner>>>>;

/// All pipelines of a `Gpu`, and the cache the driver keeps for them.
pub(crate) struct Pipelines {
    device: Arc<Device>,
    pub(crate) layout: Arc<PipelineLayout>,
    driver: Arc<DriverCache>,
    compute: Cells<compute::Key>,
    graphics: Cells<graphics::Key>,
}

impl Pipelines {
    /// With what the driver compiled in earlier runs, if that is kept in a folder. Reads a file then.
    pub(crate) fn new(device: Arc<Device>, disk: Option<&Path>) -> Result<Arc<Self>> {
        let layout = PipelineLayout::new(Arc::clone(&device))?;
        let driver = DriverCache::new(Arc::clone(&device), disk)?;
        Ok(Arc::new(Self { device, layout, driver, compute: DashMap::new(), graphics: DashMap::new() }))
    }

    /// Writes to disk what the driver compiled, if that is kept, within `limit`. Whether it was done by then.
    pub(crate) fn end(&self, limit: Duration) -> bool {
        self.driver.end(limit)
    }

    /// A compute pipeline of vulkio's own, which no other description gives. Blocks while the driver compiles.
    pub(crate) fn own_compute(&self, name: &str, spirv: &[u8]) -> Result<ComputePipeline> {
        let key = compute::Key::plain(shader::words(name, spirv)?);
        self.build_compute(&key, &name.into()).map(ComputePipeline::new)
    }

    /// As [`own_compute`](Self::own_compute), for graphics.
    #[cfg(feature = "glsl")]
    pub(crate) fn own_graphics(&self, desc: GraphicsDesc) -> Result<GraphicsPipeline> {
        let (name, key) = desc.key(&self.device.info.limits)?;
        self.build_graphics(key, &name).map(GraphicsPipeline::new)
    }

    fn build_compute(&self, key: &compute::Key, name: &Arc<str>) -> Result<Arc<PipelineInner>> {
        let raw = compute::build(&self.device, &self.layout, self.driver.raw, key, name)?;
        let samples = shader::samples(&key.shader);
        Ok(self.adopt(
            raw,
            vk::PipelineBindPoint::COMPUTE,
            name,
            Made {
                samples,
                reach: self.reach(name, &[("compute", &key.shader)], &key.specialized.constants),
                ..Made::default()
            },
        ))
    }

    fn build_graphics(&self, key: graphics::Key, name: &Arc<str>) -> Result<Arc<PipelineInner>> {
        key.check_blend(&self.device, name)?;
        let raw = graphics::build(&self.device, &self.layout, self.driver.raw, &key, name)?;
        let reach = self.reach(name, &key.shaders(), &[]);
        let made = Made { samples: key.samples(), fetches: key.fetches, reach, formats: key.formats };
        Ok(self.adopt(raw, vk::PipelineBindPoint::GRAPHICS, name, made))
    }

    /// What shaders touch by address, for checks.
    fn reach(
        &self,
        name: &Arc<str>,
        shaders: &[(&'static str, &[u32])],
        specialized: &[(u32, u32)],
    ) -> Option<Arc<PipelineReach>> {
        self.device.checks.as_ref().map(|_| Arc::new(PipelineReach::new(name, shaders, specialized)))
    }

    /// Wraps and names a pipeline that the driver made.
    fn adopt(
        &self,
        raw: vk::Pipeline,
        bind_point: vk::PipelineBindPoint,
        name: &Arc<str>,
        made: Made,
    ) -> Arc<PipelineInner> {
        Counters::add(&self.device.counters.pipelines, 1);
        self.driver.used();
        self.device.labels.name(raw, name);
        let Made { formats, samples, fetches, reach } = made;
        Arc::new(PipelineInner {
            device: Arc::clone(&self.device),
            _layout: Arc::clone(&self.layout),
            raw,
            bind_point,
            name: Arc::clone(name),
            formats,
            samples,
            fetches,
            reach,
        })
    }
}

/// What is known of a pipeline from its key.
#[derive(Default)]
struct Made {
    formats: super::Formats,
    samples: bool,
    fetches: super::Fetches,
    reach: Option<Arc<PipelineReach>>,
}

/// The once-cell of a key. The map's guard is gone when this returns: nothing is awaited under it.
fn cell<K: Eq + Hash>(cells: &Cells<K>, key: K) -> Arc<OnceCell<Arc<PipelineInner>>> {
    Arc::clone(&cells.entry(key).or_default())
}

impl Gpu {
    /// Makes a compute pipeline from SPIR-V with an entry point `main`. The same shader gives the same pipeline.
    ///
    /// The shader reaches buffers by address, through at most 128 bytes of push constants, and textures by
    /// [`Encoder::texture`](crate::Encoder::texture); it uses no other descriptors.
    /// It must be valid SPIR-V for Vulkan 1.3: drivers are free to misbehave on anything else.
    ///
    /// # Errors
    ///
    /// [`Error::Shader`] if it is no SPIR-V or the driver refuses it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is kept but what the driver cached; whoever else waits for the same pipeline goes on.
    pub async fn compute_pipeline(&self, name: &str, spirv: &[u8]) -> Result<ComputePipeline> {
        self.compute_pipeline_of(name, compute::Key::plain(shader::words(name, spirv)?)).await
    }

    /// As [`compute_pipeline`](Self::compute_pipeline), specialised.
    pub(crate) async fn compute_pipeline_of(&self, name: &str, key: compute::Key) -> Result<ComputePipeline> {
        let pipelines = Arc::clone(&self.shared.pipelines);
        let cell = cell(&pipelines.compute, key.clone());
        let name: Arc<str> = name.into();
        let made = cell.get_or_try_init(|| async move {
            let build = move || pipelines.build_compute(&key, &name);
            self.shared.helpers.run("making a compute pipeline", build).await?
        });
        Ok(ComputePipeline::new(Arc::clone(made.await?)))
    }

    /// Makes a graphics pipeline. The same description gives the same pipeline.
    ///
    /// # Errors
    ///
    /// [`Error::Shader`] if a shader is no SPIR-V, a format does not fit its use, or the driver refuses it.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is kept but what the driver cached; whoever else waits for the same pipeline goes on.
    pub async fn graphics_pipeline(&self, desc: GraphicsDesc) -> Result<GraphicsPipeline> {
        let (name, key) = desc.key(&self.info().limits)?;
        let pipelines = Arc::clone(&self.shared.pipelines);
        let cell = cell(&pipelines.graphics, key.clone());
        let made = cell.get_or_try_init(|| async move {
            let build = move || pipelines.build_graphics(key, &name);
            self.shared.helpers.run("making a graphics pipeline", build).await?
        });
        Ok(GraphicsPipeline::new(Arc::clone(made.await?)))
    }
}

/// The driver's refusal, with the pipeline's name.
pub(crate) fn refused(name: &str, call: &'static str, result: vk::Result) -> Error {
    match Error::vulkan(call, result) {
        Error::Vulkan { call, result } => {
            Error::Shader { name: name.to_owned(), reason: format!("{call} answered {result:?}") }
        }
        error => error,
    }
}
