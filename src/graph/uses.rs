//! What a pass touches and how: its reads, its writes, its attachments.

use std::sync::Arc;

use ash::vk;

use super::ir::SlotUse;
use crate::{
    error::{Error, Result},
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

/// A resource and how a pass touches it, once for each resource.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) resource: Resource,
    pub(crate) access: Access,
    pub(crate) discard: bool,
}

impl Declaration {
    /// The structure's view of it.
    pub(crate) fn in_slot(&self, slot: usize) -> SlotUse {
        SlotUse { slot, access: self.access, discard: self.discard }
    }
}

/// What a [`System`](super::System) or a [`Pass`](super::Pass) touches: its reads, its writes, and what it renders to.
///
/// Order between passes, barriers and layouts follow from these declarations and from nothing else.
#[derive(Debug, Default)]
pub struct Uses {
    /// Accesses by address have no stages until the pass's kind is known.
    uses: Vec<Declaration>,
    rendering: Rendering,
    /// The first resource that was said to be read through a use that writes, or the other way round.
    contradiction: Option<(Resource, Mode)>,
}

impl Uses {
    /// Reads a resource: by address in the pass's shaders, or as said with
    /// [`indirect`](crate::GpuBuffer::indirect), [`index`](crate::GpuBuffer::index),
    /// [`copy_source`](crate::GpuBuffer::copy_source).
    pub fn reads(&mut self, resource: impl Into<Use>) -> &mut Self {
        self.add(resource.into(), Access::storage_read(vk::PipelineStageFlags2::NONE))
    }

    /// Writes a resource: by address in the pass's shaders (which may read it, too), or as said with
    /// [`copy_target`](crate::GpuBuffer::copy_target).
    pub fn writes(&mut self, resource: impl Into<Use>) -> &mut Self {
        self.add(resource.into(), Access::storage_write(vk::PipelineStageFlags2::NONE))
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

    fn add(&mut self, used: Use, by_address: Access) -> &mut Self {
        let Use { resource, access } = used;
        match access {
            Some(access) if access.mode != by_address.mode => {
                self.contradiction.get_or_insert((resource, access.mode));
            }
            access => self.uses.push(Declaration { resource, access: access.unwrap_or(by_address), discard: false }),
        }
        self
    }

    /// Resolves stages, adds the attachments, and makes one declaration of each resource's several.
    pub(crate) fn resolve(self, pass: &str) -> Result<(Vec<Declaration>, Rendering)> {
        let Self { mut uses, rendering, contradiction } = self;
        if let Some((resource, mode)) = contradiction {
            return Err(contradicts(pass, &resource, mode));
        }
        let shaders = if rendering.is_empty() { vk::PipelineStageFlags2::COMPUTE_SHADER } else { GRAPHICS_SHADERS };
        for used in uses.iter_mut().filter(|used| used.access.stages.is_empty()) {
            used.access.stages = shaders;
        }
        let colors = rendering.colors.iter().map(|target| (target, Access::COLOR_ATTACHMENT));
        let depth = rendering.depth.iter().map(|target| (target, Access::DEPTH_ATTACHMENT));
        for ((image, load), access) in colors.chain(depth) {
            let discard = !matches!(load, Load::Load);
            uses.push(Declaration { resource: Resource::Image(Arc::clone(image)), access, discard });
        }
        merge_same(pass, &mut uses)?;
        Ok((uses, rendering))
    }
}

fn contradicts(pass: &str, resource: &Resource, mode: Mode) -> Error {
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
fn merge_same(pass: &str, uses: &mut Vec<Declaration>) -> Result<()> {
    let mut next = 1;
    while next < uses.len() {
        let id = uses[next].resource.id();
        match uses[..next].iter().position(|earlier| earlier.resource.id() == id) {
            None => next += 1,
            Some(earlier) => {
                let later = uses.remove(next);
                merge(pass, &mut uses[earlier], &later)?;
            }
        }
    }
    Ok(())
}

fn merge(pass: &str, into: &mut Declaration, later: &Declaration) -> Result<()> {
    if into.access.layout != later.access.layout {
        return Err(Error::Graph(format!(
            "pass `{pass}` needs `{}` in two layouts at once ({:?} and {:?}); split it into two passes",
            later.resource.name(),
            into.access.layout,
            later.access.layout
        )));
    }
    into.access.stages |= later.access.stages;
    into.access.mask |= later.access.mask;
    if later.access.writes() {
        into.access.mode = Mode::Write;
    }
    into.discard &= later.discard;
    Ok(())
}
