//! What a pass touches and how: its reads, its writes, its attachments.

use std::{mem, sync::Arc};

use ash::vk;
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::ir::Region;
use crate::{
    error::{Error, Result},
    resource::{
        Access, Attachment, CopySide, GpuResourceMeta, ImageInner, Load, Part, Resource, Use,
        access::{GRAPHICS_SHADERS, Mode},
    },
};

/// An attachment: one level of one layer of an image.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) image: Arc<ImageInner>,
    pub(crate) level: u32,
    pub(crate) layer: u32,
    pub(crate) load: Load,
    /// Whether its bytes are written as they are.
    pub(crate) encoded: bool,
    /// Where its samples are resolved to.
    pub(crate) resolve: Option<Box<Target>>,
}

impl Target {
    /// Width and height in pixels.
    pub(crate) fn extent(&self) -> [u32; 2] {
        self.image.shape.extent_of(self.level)
    }

    /// The format in which it is rendered to.
    pub(crate) fn format(&self) -> vk::Format {
        let shape = &self.image.shape;
        shape.encoded_format().filter(|_| self.encoded).unwrap_or(shape.format)
    }

    fn declared(&self, access: Access) -> Declaration {
        let region = Region::subresources(self.level..self.level + 1, self.layer..self.layer + 1);
        let discard = !matches!(self.load, Load::Load);
        Declaration::new(Resource::Image(Arc::clone(&self.image)), Some(region), access, discard)
    }

    /// Itself, and what it is resolved to.
    fn all_declared(&self, access: Access) -> impl Iterator<Item = Declaration> + use<> {
        let is_depth = access == Access::DEPTH_ATTACHMENT;
        let own = match (&self.resolve, is_depth) {
            (Some(_), true) => self.declared(access.and(Access::DEPTH_RESOLVE)),
            _ => self.declared(access),
        };
        let into = if is_depth { Access::DEPTH_RESOLVE } else { access };
        let resolve = self.resolve.as_ref().map(|target| Declaration { discard: true, ..target.declared(into) });
        std::iter::once(own).chain(resolve)
    }
}

/// The attachments that a pass renders to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rendering {
    pub(crate) colors: Vec<Target>,
    pub(crate) depth: Option<Target>,
}

impl Rendering {
    pub(crate) fn is_empty(&self) -> bool {
        self.colors.is_empty() && self.depth.is_none()
    }

    pub(crate) fn targets(&self) -> impl Iterator<Item = &Target> {
        self.colors.iter().chain(&self.depth)
    }

    fn declarations(&self) -> impl Iterator<Item = Declaration> {
        let colors = self.colors.iter().flat_map(|target| target.all_declared(Access::COLOR_ATTACHMENT));
        colors.chain(self.depth.iter().flat_map(|target| target.all_declared(Access::DEPTH_ATTACHMENT)))
    }

    /// The samples that all attachments have.
    pub(crate) fn samples(&self) -> u32 {
        self.targets().next().map_or(1, |target| target.image.shape.samples)
    }

    /// The pixels that all attachments have.
    pub(crate) fn extent(&self) -> vk::Extent2D {
        let [width, height] = self.targets().next().map_or([0, 0], Target::extent);
        vk::Extent2D { width, height }
    }
}

/// A resource, or a region of it, and how a pass touches it. The regions of one resource do not overlap.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) resource: Resource,
    /// `None`: all of it.
    pub(crate) region: Option<Region>,
    pub(crate) access: Access,
    pub(crate) discard: bool,
}

impl Declaration {
    fn new(resource: Resource, region: Option<Region>, access: Access, discard: bool) -> Self {
        let region = region.filter(|region| *region != resource.whole());
        Self { resource, region, access, discard }
    }

    /// Is another use of the same region, too.
    pub(crate) fn also(&mut self, other: &Self) {
        self.access.stages |= other.access.stages;
        self.access.mask |= other.access.mask;
        self.access.mode = both(self.access.mode, other.access.mode);
        self.discard &= other.discard;
    }

    /// The region, whether that is all of the resource or not.
    pub(crate) fn covered(&self) -> Region {
        self.region.unwrap_or_else(|| self.resource.whole())
    }
}

/// What a [`System`](super::System) or a [`Pass`](super::Pass) touches: its reads, its writes, and what it renders to.
///
/// Order between passes, barriers and layouts follow from these declarations and from nothing else.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Accesses by address have no stages until the pass's kind is known.
    uses: Vec<Declaration>,
    rendering: Rendering,
    /// The first thing that was wrong.
    mistake: Option<Mistake>,
    labels: Vec<Label>,
}

/// Which field or attribute of a derived system a resource is, so that messages can name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Label {
    /// [`Resource::id`].
    pub(crate) resource: usize,
    pub(crate) meta: &'static GpuResourceMeta,
}

/// What can be wrong with one use, known before its pass's name is.
#[derive(Clone, Debug)]
enum Mistake {
    /// Said to be read through a use that writes, or the other way round.
    Contradiction(Resource, Mode),
    /// Beyond the resource.
    Range(Box<Error>),
    /// An attachment of several levels or layers.
    Attachment(Arc<ImageInner>),
}

impl Uses {
    /// Reads a resource: a buffer by address in the pass's shaders, a [`Texture`](crate::Texture) by sampling there, or as said with
    /// [`indirect`](crate::GpuBuffer::indirect), [`index`](crate::GpuBuffer::index), [`vertex`](crate::GpuBuffer::vertex),
    /// [`copy_source`](crate::GpuBuffer::copy_source).
    pub fn reads(&mut self, resource: impl Into<Use>) -> &mut Self {
        self.add(resource.into(), Access::storage_read(vk::PipelineStageFlags2::NONE))
    }

    /// Writes a resource: by address in the pass's shaders (which may read it, too), or as said with
    /// [`copy_target`](crate::GpuBuffer::copy_target).
    pub fn writes(&mut self, resource: impl Into<Use>) -> &mut Self {
        self.add(resource.into(), Access::storage_write(vk::PipelineStageFlags2::NONE))
    }

    /// Writes a resource as [`writes`](Self::writes) does, beside other passes that say the same of it: with atomics, or
    /// to parts that do not meet. No order among those passes follows from this.
    pub fn writes_concurrently(&mut self, resource: impl Into<Use>) -> &mut Self {
        let by_address = Access::storage_write(vk::PipelineStageFlags2::NONE);
        self.add(resource.into(), Access { mode: Mode::ConcurrentWrite, ..by_address })
    }

    /// Copies: reads `from` as [`copy_source`](crate::GpuBuffer::copy_source), writes `to` as
    /// [`copy_target`](crate::GpuBuffer::copy_target).
    pub fn copies(&mut self, from: impl CopySide, to: impl CopySide) -> &mut Self {
        self.reads(from.source()).writes(to.target())
    }

    /// Renders to a colour attachment; said again, to a further one. Rendering begins before the pass's commands and
    /// ends after them, over the whole of the attachments.
    pub fn renders(&mut self, target: impl Into<Attachment>) -> &mut Self {
        let target = self.target(target.into());
        self.rendering.colors.extend(target);
        self
    }

    /// Tests and writes a depth attachment.
    pub fn depth(&mut self, target: impl Into<Attachment>) -> &mut Self {
        self.rendering.depth = self.target(target.into());
        self
    }

    /// Touches a resource of a derived system as its metadata says.
    pub(crate) fn field(&mut self, meta: &'static GpuResourceMeta, used: Use) -> &mut Self {
        self.label(meta, &used.resource);
        self.add(Use { access: None, ..used }, unstaged(meta.access))
    }

    /// Renders to an image of a derived system.
    pub(crate) fn field_rendered(&mut self, meta: &'static GpuResourceMeta, target: Attachment) -> &mut Self {
        self.label(meta, &Resource::Image(Arc::clone(&target.image)));
        match meta.access {
            Access::DEPTH_ATTACHMENT => self.depth(target),
            _ => self.renders(target),
        }
    }

    fn label(&mut self, meta: &'static GpuResourceMeta, resource: &Resource) {
        self.labels.push(Label { resource: resource.id(), meta });
    }

    /// What its resources are in the derived system that declared them.
    pub(crate) fn take_labels(&mut self) -> Vec<Label> {
        mem::take(&mut self.labels)
    }

    fn target(&mut self, attachment: Attachment) -> Option<Target> {
        let Attachment { image, part, load, encoded, resolve } = attachment;
        let resolve = match resolve {
            Some(attachment) => Some(Box::new(self.target(*attachment)?)),
            None => None,
        };
        let region = self.region(part)?.unwrap_or_else(|| image.whole());
        let (levels, layers) = (region.levels(), region.layers());
        if (levels.len(), layers.len()) == (1, 1) {
            return Some(Target { image, level: levels.start, layer: layers.start, load, encoded, resolve });
        }
        self.mistake.get_or_insert(Mistake::Attachment(image));
        None
    }

    fn add(&mut self, used: Use, by_address: Access) -> &mut Self {
        let Use { resource, part, access } = used;
        let Some(region) = self.region(part) else { return self };
        match access {
            Some(access) if access.writes() != by_address.writes() => {
                self.mistake.get_or_insert(Mistake::Contradiction(resource, access.mode));
            }
            Some(access) => {
                self.uses.push(Declaration::new(resource, region, Access { mode: by_address.mode, ..access }, false))
            }
            None => self.uses.push(Declaration::new(resource, region, by_address, false)),
        }
        self
    }

    /// `None` where there is nothing to declare; else the region, if the part has one.
    fn region(&mut self, part: Part) -> Option<Option<Region>> {
        match part {
            Part::Whole => Some(None),
            Part::Region(region) => Some(Some(region)),
            Part::Nothing => None,
            Part::Wrong(error) => {
                self.mistake.get_or_insert(Mistake::Range(error));
                None
            }
        }
    }

    /// Of accesses by address that were found right.
    pub(crate) fn of(uses: Vec<Declaration>) -> Self {
        Self { uses, ..Self::default() }
    }

    /// What is declared of buffers and images, attachments left out. Accesses by address have no stages yet.
    pub(crate) fn by_address(&self) -> &[Declaration] {
        &self.uses
    }

    /// What is wrong with it, if anything is known to be.
    pub(crate) fn take_mistake(&mut self, pass: &str) -> Option<Error> {
        self.mistake.take().map(|mistake| mistake.told(pass))
    }

    /// All that is declared so far, attachments as well. Accesses by address have no stages yet.
    pub(crate) fn declarations(&self) -> impl Iterator<Item = Declaration> {
        self.uses.iter().cloned().chain(self.rendering.declarations())
    }

    /// Whether any of it lives inside one graph.
    pub(crate) fn has_transients(&self) -> bool {
        let used = self.uses.iter().any(|used| used.resource.transient_of().is_some());
        let transient = |target: &Target| target.image.transient_of().is_some();
        let resolves = |target: &Target| target.resolve.as_deref().is_some_and(transient);
        used || self.rendering.targets().any(|target| transient(target) || resolves(target))
    }

    /// Resolves stages, adds the attachments, and makes one declaration of those of a resource that overlap.
    pub(crate) fn resolve(self, pass: &str) -> Result<(Vec<Declaration>, Rendering)> {
        let Self { mut uses, rendering, mistake, labels: _ } = self;
        if let Some(mistake) = mistake {
            return Err(mistake.told(pass));
        }
        let shaders = if rendering.is_empty() { vk::PipelineStageFlags2::COMPUTE_SHADER } else { GRAPHICS_SHADERS };
        for used in uses.iter_mut().filter(|used| used.access.stages.is_empty()) {
            used.access.stages = shaders;
        }
        uses.extend(rendering.declarations());
        merge_overlapping(pass, &mut uses)?;
        Ok((uses, rendering))
    }
}

/// The access without the shaders' stages, which follow from the pass's kind: whether it renders may be known only now.
fn unstaged(access: Access) -> Access {
    match access.stages {
        vk::PipelineStageFlags2::COMPUTE_SHADER | GRAPHICS_SHADERS => {
            Access { stages: vk::PipelineStageFlags2::NONE, ..access }
        }
        _ => access,
    }
}

impl Mistake {
    fn told(self, pass: &str) -> Error {
        match self {
            Self::Contradiction(resource, mode) => contradicts(pass, &resource, mode),
            Self::Range(error) => Error::Graph(format!("pass `{pass}` declares more than there is: {error}")),
            Self::Attachment(image) => {
                let name = &image.name;
                let (levels, layers) = (image.shape.levels, image.shape.layers);
                Error::Graph(format!(
                    "pass `{pass}` renders to `{name}`, which has {levels} levels and {layers} layers; an attachment is \
                     one of each: say `{name}.level(..).layer(..)`"
                ))
            }
        }
    }
}

fn contradicts(pass: &str, resource: &Resource, mode: Mode) -> Error {
    let name = resource.name();
    Error::Graph(match mode {
        Mode::Read => {
            format!("pass `{pass}` says that it writes `{name}` through a use that only reads; say `.reads(..)`")
        }
        Mode::Write | Mode::ConcurrentWrite => {
            format!("pass `{pass}` says that it reads `{name}` through a use that writes; say `.writes(..)`")
        }
    })
}

/// What one pass declares twice is one use: both stages, both masks, a write if either is. Of regions that overlap it is
/// the least that holds both.
fn merge_overlapping(pass: &str, uses: &mut Vec<Declaration>) -> Result<()> {
    if are_apart(uses) {
        return Ok(());
    }
    let mut next = 1;
    while next < uses.len() {
        match uses[..next].iter().position(|earlier| overlap(earlier, &uses[next])) {
            None => next += 1,
            Some(earlier) => {
                let earlier = uses.remove(earlier);
                // What they make may overlap others before it, so it is looked at again.
                next -= 1;
                merge(pass, &earlier, &mut uses[next])?;
            }
        }
    }
    Ok(())
}

/// Whether they are many, and of a resource each.
fn are_apart(uses: &[Declaration]) -> bool {
    const MANY: usize = 16;
    if uses.len() < MANY {
        return false;
    }
    let mut seen = FxHashSet::with_capacity_and_hasher(uses.len(), FxBuildHasher);
    uses.iter().all(|used| seen.insert(used.resource.id()))
}

fn overlap(a: &Declaration, b: &Declaration) -> bool {
    a.resource.id() == b.resource.id() && a.covered().intersection(&b.covered()).is_some()
}

fn merge(pass: &str, earlier: &Declaration, into: &mut Declaration) -> Result<()> {
    if earlier.access.layout != into.access.layout {
        return Err(Error::Graph(format!(
            "pass `{pass}` needs `{}` in two layouts at once ({:?} and {:?}); split it into two passes",
            into.resource.name(),
            earlier.access.layout,
            into.access.layout
        )));
    }
    into.also(earlier);
    let hull = hull(earlier.covered(), into.covered());
    into.region = Some(hull).filter(|hull| *hull != into.resource.whole());
    Ok(())
}

/// A pass that reads what it writes concurrently reads what others write: that needs order.
fn both(a: Mode, b: Mode) -> Mode {
    if a == b { a } else { Mode::Write }
}

fn hull(a: Region, b: Region) -> Region {
    Region { x: [a.x[0].min(b.x[0]), a.x[1].max(b.x[1])], y: [a.y[0].min(b.y[0]), a.y[1].max(b.y[1])] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_of_two_kinds_is_exclusive() {
        assert_eq!(both(Mode::Read, Mode::Read), Mode::Read);
        assert_eq!(both(Mode::ConcurrentWrite, Mode::ConcurrentWrite), Mode::ConcurrentWrite);
        assert_eq!(both(Mode::Read, Mode::ConcurrentWrite), Mode::Write);
        assert_eq!(both(Mode::ConcurrentWrite, Mode::Write), Mode::Write);
    }

    #[test]
    fn the_hull_of_two_regions_holds_both_and_no_more() {
        let (a, b) = (Region::subresources(0..2, 3..4), Region::subresources(1..3, 0..1));
        assert_eq!(hull(a, b), Region::subresources(0..3, 0..4));
        assert_eq!(hull(a, a), a);
    }
}
