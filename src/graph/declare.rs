//! Declaring passes: what each touches, and the closure that records it.

use std::{collections::HashMap, sync::Arc};

use ash::vk;

use super::ir::{PassNode, SlotUse, Structure};
use crate::{
    error::{Error, Result},
    exec::{Encoder, RecordFn, Recorded},
    gpu::{QueueKind, device::Device},
    resource::{
        Access, Attachment, ImageInner, Load, Resource, Use,
        access::{GRAPHICS_SHADERS, Mode},
    },
};

/// The attachments that a pass renders to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendering {
    pub(crate) colors: Vec<(Arc<ImageInner>, Load)>,
    pub(crate) depth: Option<(Arc<ImageInner>, Load)>,
}

impl Rendering {
    pub(crate) fn is_empty(&self) -> bool {
        self.colors.is_empty() && self.depth.is_none()
    }

    pub(crate) fn images(&self) -> impl Iterator<Item = &Arc<ImageInner>> {
        self.colors.iter().chain(&self.depth).map(|(image, _)| image)
    }

    /// The pixels that all attachments have.
    pub(crate) fn extent(&self) -> vk::Extent2D {
        let [width, height] = self.images().next().map_or([0, 0], |image| image.extent);
        vk::Extent2D { width, height }
    }
}

/// A resource and how a pass said it touches it, stages resolved.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) resource: Resource,
    pub(crate) access: Access,
    pub(crate) discard: bool,
}

/// A pass as it was declared, ready to record.
pub(crate) struct PassBody {
    pub(crate) name: Arc<str>,
    pub(crate) declared: Vec<Declaration>,
    pub(crate) rendering: Rendering,
    pub(crate) record: RecordFn,
}

/// What a [`System`](super::System) or a [`Pass`] touches: its reads, its writes, and what it renders to.
///
/// Order between passes, barriers and layouts follow from these declarations and from nothing else.
#[derive(Debug, Default)]
pub struct Uses {
    uses: Vec<(Use, Mode)>,
    rendering: Rendering,
}

impl Uses {
    /// Reads a resource: by address in the pass's shaders, or as said with
    /// [`indirect`](crate::GpuBuffer::indirect), [`index`](crate::GpuBuffer::index),
    /// [`copy_source`](crate::GpuBuffer::copy_source).
    pub fn reads(&mut self, resource: impl Into<Use>) -> &mut Self {
        self.uses.push((resource.into(), Mode::Read));
        self
    }

    /// Writes a resource: by address in the pass's shaders (which may read it, too), or as said with
    /// [`copy_target`](crate::GpuBuffer::copy_target).
    pub fn writes(&mut self, resource: impl Into<Use>) -> &mut Self {
        self.uses.push((resource.into(), Mode::Write));
        self
    }

    /// Renders to a colour attachment; said again, to a further one. Rendering begins before the pass's commands and
    /// ends after them, over the whole of the attachments.
    pub fn renders(&mut self, target: impl Into<Attachment>) -> &mut Self {
        let Attachment { image, load } = target.into();
        self.rendering.colors.push((image, load));
        self
    }

    /// Tests and writes a depth attachment.
    pub fn depth(&mut self, target: impl Into<Attachment>) -> &mut Self {
        let Attachment { image, load } = target.into();
        self.rendering.depth = Some((image, load));
        self
    }

    fn is_graphics(&self) -> bool {
        !self.rendering.is_empty()
    }

    /// Resolves default stages and adds the attachments.
    fn resolve(&self, pass: &str) -> Result<Vec<Declaration>> {
        let stages = if self.is_graphics() { GRAPHICS_SHADERS } else { vk::PipelineStageFlags2::COMPUTE_SHADER };
        let mut declared: Vec<Declaration> = Vec::with_capacity(self.uses.len() + 2);
        for (used, mode) in &self.uses {
            let access = match (used.access, mode) {
                (Some(access), mode) if access.mode == *mode => access,
                (Some(access), _) => return Err(contradiction(pass, &used.resource, access.mode)),
                (None, Mode::Read) => Access::storage_read(stages),
                (None, Mode::Write) => Access::storage_write(stages),
            };
            merge(pass, &mut declared, Declaration { resource: used.resource.clone(), access, discard: false })?;
        }
        let colors = self.rendering.colors.iter().map(|target| (target, Access::COLOR_ATTACHMENT));
        let depth = self.rendering.depth.iter().map(|target| (target, Access::DEPTH_ATTACHMENT));
        for ((image, load), access) in colors.chain(depth) {
            let discard = !matches!(load, Load::Load);
            merge(pass, &mut declared, Declaration { resource: Resource::Image(Arc::clone(image)), access, discard })?;
        }
        check_extents(pass, &self.rendering)?;
        Ok(declared)
    }
}

fn contradiction(pass: &str, resource: &Resource, mode: Mode) -> Error {
    let name = resource.name();
    Error::Graph(match mode {
        Mode::Read => {
            format!("pass `{pass}` says that it writes `{name}` through a use that only reads; say `.reads(..)`")
        }
        Mode::Write => {
            format!("pass `{pass}` says that it reads `{name}` through a use that writes; say `.writes(..)`")
        }
    })
}

/// One resource declared twice by one pass is one use of it: both stages, both masks, a write if either is.
fn merge(pass: &str, declared: &mut Vec<Declaration>, new: Declaration) -> Result<()> {
    let Some(old) = declared.iter_mut().find(|old| old.resource.id() == new.resource.id()) else {
        declared.push(new);
        return Ok(());
    };
    if old.access.layout != new.access.layout {
        return Err(Error::Graph(format!(
            "pass `{pass}` needs `{}` in two layouts at once ({:?} and {:?}); split it into two passes",
            new.resource.name(),
            old.access.layout,
            new.access.layout
        )));
    }
    old.access.stages |= new.access.stages;
    old.access.mask |= new.access.mask;
    if new.access.writes() {
        old.access.mode = Mode::Write;
    }
    old.discard &= new.discard;
    Ok(())
}

fn check_extents(pass: &str, rendering: &Rendering) -> Result<()> {
    let mut images = rendering.images();
    let Some(first) = images.next() else { return Ok(()) };
    match images.find(|image| image.extent != first.extent) {
        None => Ok(()),
        Some(other) => Err(Error::Graph(format!(
            "pass `{pass}` renders to `{}` of {:?} pixels and `{}` of {:?}; attachments must have one size",
            first.name, first.extent, other.name, other.extent
        ))),
    }
}

/// All that was declared so far.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) structure: Structure,
    pub(crate) resources: Vec<Resource>,
    pub(crate) passes: Vec<PassBody>,
    pub(crate) waits: Vec<(vk::Semaphore, u64)>,
    /// The first thing that was wrong; it comes out of `submit`.
    pub(crate) error: Option<Error>,
    slots: HashMap<usize, usize>,
}

impl Declared {
    pub(crate) fn add(&mut self, device: &Arc<Device>, queue: QueueKind, name: Arc<str>, uses: Uses, record: RecordFn) {
        if let Err(error) = self.try_add(device, queue, name, uses, record) {
            self.error.get_or_insert(error);
        }
    }

    fn try_add(
        &mut self,
        device: &Arc<Device>,
        queue: QueueKind,
        name: Arc<str>,
        uses: Uses,
        record: RecordFn,
    ) -> Result<()> {
        let declared = uses.resolve(&name)?;
        let rendering = uses.rendering;
        for declaration in &declared {
            check_device(device, &name, &declaration.resource)?;
            check_queue(queue, &name, declaration)?;
        }
        check_attachments(device, &name, &rendering)?;
        let uses = declared.iter().map(|declaration| SlotUse {
            slot: self.slot(&declaration.resource),
            access: declaration.access,
            discard: declaration.discard,
        });
        let uses = uses.collect();
        self.structure.passes.push(PassNode { uses });
        self.structure.slots = self.resources.len();
        self.passes.push(PassBody { name, declared, rendering, record });
        Ok(())
    }

    fn slot(&mut self, resource: &Resource) -> usize {
        *self.slots.entry(resource.id()).or_insert_with(|| {
            self.resources.push(resource.clone());
            self.resources.len() - 1
        })
    }
}

fn check_device(device: &Arc<Device>, pass: &str, resource: &Resource) -> Result<()> {
    if Arc::ptr_eq(device, resource.device()) {
        return Ok(());
    }
    let name = resource.name();
    Err(Error::Graph(format!("pass `{pass}` uses `{name}`, which belongs to another Gpu; make one on this Gpu")))
}

/// Stages that a queue of this kind may lack are refused on every device: what runs on one runs on all.
fn check_queue(queue: QueueKind, pass: &str, declaration: &Declaration) -> Result<()> {
    let name = declaration.resource.name();
    if let (Resource::Image(_), QueueKind::Compute | QueueKind::Transfer) = (&declaration.resource, queue) {
        return Err(Error::Graph(format!(
            "pass `{pass}` uses the image `{name}` on the {queue:?} queue; images live on the graphics queue"
        )));
    }
    let foreign = declaration.access.stages & !stages_of(queue);
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Error::Graph(format!(
        "pass `{pass}` uses `{name}` in stages that the {queue:?} queue does not have ({foreign:?}); put it into a graph for \
         another queue"
    )))
}

fn stages_of(queue: QueueKind) -> vk::PipelineStageFlags2 {
    use vk::PipelineStageFlags2 as S;
    let copies = S::ALL_TRANSFER | S::HOST;
    match queue {
        QueueKind::Graphics => S::from_raw(u64::MAX),
        QueueKind::Compute => copies | S::COMPUTE_SHADER | S::DRAW_INDIRECT,
        QueueKind::Transfer => copies,
    }
}

fn check_attachments(device: &Device, pass: &str, rendering: &Rendering) -> Result<()> {
    let most = device.info.limits.max_color_attachments as usize;
    if rendering.colors.len() > most {
        let count = rendering.colors.len();
        return Err(Error::Graph(format!(
            "pass `{pass}` renders to {count} colours; this device takes at most {most}"
        )));
    }
    let is_depth = |image: &&Arc<ImageInner>| image.aspect.contains(vk::ImageAspectFlags::DEPTH);
    if let Some(image) = rendering.colors.iter().map(|(image, _)| image).find(is_depth) {
        let name = &image.name;
        return Err(Error::Graph(format!(
            "pass `{pass}` renders colours to the depth image `{name}`; say `.depth(..)`"
        )));
    }
    if let Some((image, _)) = rendering.depth.as_ref().filter(|(image, _)| !is_depth(&image)) {
        let name = &image.name;
        return Err(Error::Graph(format!("pass `{pass}` uses the colour image `{name}` as depth; say `.renders(..)`")));
    }
    Ok(())
}

/// A pass being declared; [`record`](Self::record) adds it to its graph.
///
/// A mistake in a declaration is kept and comes out of `submit`, so that chains stay short.
#[must_use = "a pass is added to the graph by `.record(..)`"]
pub struct Pass<'g> {
    graph: &'g super::Graph,
    name: Arc<str>,
    uses: Uses,
}

impl<'g> Pass<'g> {
    pub(crate) fn new(graph: &'g super::Graph, name: &str) -> Self {
        Self { graph, name: name.into(), uses: Uses::default() }
    }

    /// See [`Uses::reads`].
    pub fn reads(mut self, resource: impl Into<Use>) -> Self {
        self.uses.reads(resource);
        self
    }

    /// See [`Uses::writes`].
    pub fn writes(mut self, resource: impl Into<Use>) -> Self {
        self.uses.writes(resource);
        self
    }

    /// See [`Uses::renders`].
    pub fn renders(mut self, target: impl Into<Attachment>) -> Self {
        self.uses.renders(target);
        self
    }

    /// See [`Uses::depth`].
    pub fn depth(mut self, target: impl Into<Attachment>) -> Self {
        self.uses.depth(target);
        self
    }

    /// Adds the pass. `record` is called once, on some thread, when the graph was submitted; it may return `()` or
    /// `Result<()>`. A panic in it fails this graph only.
    ///
    /// The encoder cannot leave the closure, nor be held across an `.await`:
    ///
    /// ```compile_fail
    /// # fn example(graph: &vulkio::Graph) {
    /// let mut stolen = None;
    /// graph.pass("thief").record(|cmd| stolen = Some(cmd));
    /// # }
    /// ```
    pub fn record<R: Recorded>(self, record: impl FnOnce(&mut Encoder<'_>) -> R + Send + 'static) {
        let record: RecordFn = Box::new(move |cmd| record(cmd).into_result());
        self.graph.add_pass(self.name, self.uses, record);
    }
}
