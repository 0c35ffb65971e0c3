//! What a pass may declare on which device and queue.

use std::sync::Arc;

use ash::vk;

use super::uses::{Declaration, Rendering, Target};
use crate::{
    error::{Error, Result},
    gpu::{QueueKind, device::Device},
    resource::{Resource, Texel},
};

/// Where a pass is going to run.
pub(crate) struct Home<'a> {
    pub(crate) device: &'a Arc<Device>,
    /// `None` while nobody has chosen one.
    pub(crate) queue: Option<QueueKind>,
    /// The id of its graph, for transients.
    pub(crate) graph: u64,
}

/// Whether `pass` can run there as it was declared.
pub(crate) fn check(home: &Home<'_>, pass: &str, declared: &[Declaration], rendering: &Rendering) -> Result<()> {
    for declaration in declared {
        check_device(home.device, pass, &declaration.resource)?;
        check_graph(home.graph, pass, &declaration.resource)?;
        check_sampled(pass, declaration)?;
        if let Some(queue) = home.queue {
            check_queue(queue, pass, declaration)?;
        }
    }
    if rendering.is_empty() {
        return Ok(());
    }
    check_extents(pass, rendering)?;
    check_samples(pass, rendering)?;
    check_attachments(home.device, pass, rendering)
}

fn check_device(device: &Arc<Device>, pass: &str, resource: &Resource) -> Result<()> {
    if Arc::ptr_eq(device, resource.device()) {
        return Ok(());
    }
    let name = resource.name();
    Err(Error::Graph(format!("pass `{pass}` uses `{name}`, which belongs to another Gpu; make one on this Gpu")))
}

fn check_graph(graph: u64, pass: &str, resource: &Resource) -> Result<()> {
    if resource.transient_of().is_none_or(|home| home == graph) {
        return Ok(());
    }
    let name = resource.name();
    Err(Error::Graph(format!(
        "pass `{pass}` uses the transient `{name}`, which lives in another graph; make one with this graph, or with the \
         Gpu for both"
    )))
}

/// Stages that a queue of this kind may lack are refused on every device: what runs on one runs on all.
fn check_queue(queue: QueueKind, pass: &str, declaration: &Declaration) -> Result<()> {
    let name = declaration.resource.name();
    let foreign = declaration.access.stages & !stages_of(queue);
    if foreign.is_empty() {
        return Ok(());
    }
    Err(Error::Graph(format!(
        "pass `{pass}` uses `{name}` in stages that the {queue:?} queue does not have ({foreign:?}); leave the choice to the planner, or \
         ask for another queue"
    )))
}

/// The stages that every queue of a kind has.
pub(crate) fn stages_of(queue: QueueKind) -> vk::PipelineStageFlags2 {
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
    let is_depth = |target: &&Target| target.image.shape.texel == Texel::Depth;
    if let Some(target) = rendering.colors.iter().find(is_depth) {
        let name = &target.image.name;
        return Err(Error::Graph(format!(
            "pass `{pass}` renders colours to the depth image `{name}`; say `.depth(..)`"
        )));
    }
    let is_not_encoded = |target: &&Target| target.encoded && target.image.shape.encoded_format().is_none();
    if let Some(target) = rendering.targets().find(is_not_encoded) {
        let (name, format) = (&target.image.name, target.image.shape.format);
        return Err(Error::Graph(format!(
            "pass `{pass}` renders to `{name}` as it is encoded, which is for `RenderTarget`s in R8G8B8A8_SRGB of one level, layer \
             and sample; this one is of {format:?}"
        )));
    }
    if let Some(target) = rendering.depth.as_ref().filter(|target| !is_depth(target)) {
        let name = &target.image.name;
        return Err(Error::Graph(format!("pass `{pass}` uses the colour image `{name}` as depth; say `.renders(..)`")));
    }
    Ok(())
}

/// Several samples a texel are for rendering alone.
fn check_sampled(pass: &str, declaration: &Declaration) -> Result<()> {
    let Resource::Image(image) = &declaration.resource else { return Ok(()) };
    let attachment = [vk::ImageLayout::COLOR_ATTACHMENT_OPTIMAL, vk::ImageLayout::DEPTH_ATTACHMENT_OPTIMAL];
    if image.shape.samples == 1 || attachment.contains(&declaration.access.layout) {
        return Ok(());
    }
    let (name, samples) = (&image.name, image.shape.samples);
    Err(Error::Graph(format!(
        "pass `{pass}` copies `{name}`, which has {samples} samples a texel; render with `.resolves_to(..)` and copy that"
    )))
}

fn check_samples(pass: &str, rendering: &Rendering) -> Result<()> {
    let samples = rendering.samples();
    if let Some(other) = rendering.targets().find(|target| target.image.shape.samples != samples) {
        let (name, own) = (&other.image.name, other.image.shape.samples);
        return Err(Error::Graph(format!(
            "pass `{pass}` renders to attachments of {samples} samples a texel and to `{name}`, which has {own}; \
             they must have as many"
        )));
    }
    for (target, into) in rendering.targets().filter_map(|target| Some((target, target.resolve.as_deref()?))) {
        let (from, to) = (target.image.shape, into.image.shape);
        let fits =
            from.samples > 1 && to.samples == 1 && target.format() == into.format() && target.extent() == into.extent();
        if !fits {
            return Err(Error::Graph(format!(
                "pass `{pass}` resolves `{}` ({} samples of {:?}, {:?}) to `{}` ({} samples of {:?}, {:?}); it takes several \
                 samples to one, of the same format and size",
                target.image.name,
                from.samples,
                from.format,
                target.extent(),
                into.image.name,
                to.samples,
                to.format,
                into.extent()
            )));
        }
    }
    Ok(())
}

fn check_extents(pass: &str, rendering: &Rendering) -> Result<()> {
    let mut targets = rendering.targets();
    let Some(first) = targets.next() else { return Ok(()) };
    match targets.find(|target| target.extent() != first.extent()) {
        None => Ok(()),
        Some(other) => Err(Error::Graph(format!(
            "pass `{pass}` renders to `{}` of {:?} pixels and `{}` of {:?}; attachments must have one size",
            first.image.name,
            first.extent(),
            other.image.name,
            other.extent()
        ))),
    }
}
