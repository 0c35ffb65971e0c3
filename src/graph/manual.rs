//! Passes whose owners make their barriers.

use std::{fmt, sync::Arc};

use ash::vk;
use vk::{AccessFlags2 as A, ImageLayout, PipelineStageFlags2 as S};

use super::{
    Graph, PassId,
    compiled::{Compiled, ImageBarrier, Need, Owed},
    declare::Declared,
    hints::{Hints, words},
    ir::Region,
    state::{Dependency, Scope, possible},
    uses::Declaration,
};
use crate::{
    error::{Error, Result},
    gpu::device::Device,
    resource::{CopySide, ImageInner, Part, Resource, Use},
};

/// A barrier that the owner of a pass makes before it, for [`Pass::manual`](crate::Pass::manual).
///
/// [`Display`](fmt::Display) is the Rust that makes it.
#[derive(Clone, Debug)]
pub struct PassBarrier {
    dependency: Dependency,
    image: Option<(Use, [ImageLayout; 2])>,
}

impl PassBarrier {
    /// What these stages did before is over, and their writes are visible to those after it: of all memory. A `source`
    /// without accesses waits for execution alone.
    #[must_use]
    pub fn memory(source: (S, A), target: (S, A)) -> Self {
        Self { dependency: dependency(source, target), image: None }
    }

    /// The same for an image, or a part of one, which goes from one layout to another. From `UNDEFINED`, its contents are
    /// lost.
    #[must_use]
    pub fn image(image: impl CopySide, source: (S, A), target: (S, A), layouts: [ImageLayout; 2]) -> Self {
        Self { dependency: dependency(source, target), image: Some((image.source(), layouts)) }
    }
}

fn dependency(source: (S, A), target: (S, A)) -> Dependency {
    let scope = |(stages, mask)| Scope { stages, mask };
    Dependency { source: scope(source), target: scope(target) }
}

impl fmt::Display for PassBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.image.as_ref().map(|(used, layouts)| {
            let whole = used.resource.whole();
            let region = match &used.part {
                Part::Region(region) => *region,
                _ => whole,
            };
            (words::image(used.resource.name(), &region, &whole), *layouts)
        });
        f.write_str(&words::pass_barrier(&self.dependency, image))
    }
}

/// A barrier as it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) dependency: Dependency,
    /// Its layouts: from, to.
    pub(crate) image: Option<(Arc<ImageInner>, Region, [ImageLayout; 2])>,
}

/// What a pass brings along, for images that it declares.
pub(crate) fn given(pass: &str, declared: &[Declaration], barriers: Vec<PassBarrier>) -> Result<Vec<Given>> {
    let given = |barrier: PassBarrier| {
        let PassBarrier { dependency, image } = barrier;
        let Some((used, layouts)) = image else { return Ok(Some(Given { dependency, image: None })) };
        Ok(image_of(pass, declared, used)?
            .map(|(image, region)| Given { dependency, image: Some((image, region, layouts)) }))
    };
    barriers.into_iter().map(given).filter_map(Result::transpose).collect()
}

/// `None` for an empty part.
fn image_of(pass: &str, declared: &[Declaration], used: Use) -> Result<Option<(Arc<ImageInner>, Region)>> {
    let Use { resource, part, .. } = used;
    let (name, id) = (Arc::clone(resource.name()), resource.id());
    let Resource::Image(image) = resource else {
        let advice = "it is a buffer, whose barrier is `PassBarrier::memory(..)`";
        return Err(Error::Graph(format!("pass `{pass}` brings an image barrier of `{name}`; {advice}")));
    };
    let region = match part {
        Part::Whole => image.whole(),
        Part::Region(region) => region,
        Part::Nothing => return Ok(None),
        Part::Wrong(error) => {
            return Err(Error::Graph(format!("pass `{pass}` brings a barrier of more than there is: {error}")));
        }
    };
    if !declared.iter().any(|declaration| declaration.resource.id() == id) {
        let advice = "which it does not declare; say `.reads(..)`, `.writes(..)` or `.renders(..)`";
        return Err(Error::Graph(format!("pass `{pass}` brings a barrier of `{name}`, {advice}")));
    }
    Ok(Some((image, region)))
}

/// Whether the manual passes of a graph bring what its plan leaves to them.
///
/// # Errors
///
/// [`Error::Graph`] with the first that does not, and what it has to bring.
pub(crate) fn check(device: &Device, declared: &Declared, plan: &Compiled) -> Result<()> {
    for (position, &pass) in plan.order.iter().enumerate() {
        let body = &declared.passes[pass];
        let Some(given) = &body.manual else { continue };
        let owed = || plan.owed.iter().filter(|owed| owed.position == position);
        if let Some(missing) = owed().find(|owed| !is_covered(declared, owed, given)) {
            return Err(lacks(device, declared, pass, missing));
        }
        let unasked = |given: &&Given| changes_layout(given) && !owed().any(|owed| asks_for(declared, owed, given));
        if let Some((image, _, [old, new])) = given.iter().find(unasked).and_then(|given| given.image.as_ref()) {
            return Err(Error::Graph(format!(
                "pass `{}` is manual and takes `{}` from {old:?} to {new:?}, which is not what its declarations lead to: {}",
                body.name,
                image.name,
                expected(declared, owed())
            )));
        }
    }
    Ok(())
}

fn lacks(device: &Device, declared: &Declared, pass: usize, missing: &Owed) -> Error {
    let hints = Hints::of_declared(declared, &device.queues.map);
    let reason = hints.map(|hints| hints.why(pass, missing)).unwrap_or_default();
    let name = &declared.passes[pass].name;
    Error::Graph(format!("pass `{name}` is manual and lacks a barrier{reason}; add `{}`", barrier(declared, missing)))
}

fn expected<'a>(declared: &Declared, owed: impl Iterator<Item = &'a Owed>) -> String {
    let all: Vec<_> = owed.map(|owed| format!("`{}`", barrier(declared, owed))).collect();
    if all.is_empty() { "it needs no barrier".to_owned() } else { format!("these are {}", all.join(", ")) }
}

/// What is left to a pass, as what it may bring.
fn barrier(declared: &Declared, owed: &Owed) -> PassBarrier {
    match owed.need {
        Need::Memory(dependency) => PassBarrier { dependency, image: None },
        Need::Image(ImageBarrier { slot, region, source, target, old, new, .. }) => {
            let resource = declared.slots.all()[slot].clone();
            let part = if region == resource.whole() { Part::Whole } else { Part::Region(region) };
            let used = Use { resource, part, access: None };
            PassBarrier { dependency: Dependency { source, target }, image: Some((used, [old, new])) }
        }
    }
}

fn changes_layout(given: &Given) -> bool {
    given.image.as_ref().is_some_and(|(_, _, [old, new])| old != new)
}

/// Whether an image barrier is, or is part of, one that is left to the pass.
fn asks_for(declared: &Declared, owed: &Owed, given: &Given) -> bool {
    let (Need::Image(image), Some((inner, region, [_, new]))) = (owed.need, &given.image) else { return false };
    is_of(declared, image.slot, inner) && image.new == *new && region.intersection(&image.region).is_some()
}

fn is_of(declared: &Declared, slot: usize, image: &Arc<ImageInner>) -> bool {
    matches!(&declared.slots.all()[slot], Resource::Image(known) if Arc::ptr_eq(known, image))
}

fn is_covered(declared: &Declared, owed: &Owed, given: &[Given]) -> bool {
    let on = |slot, region: Region, given: &Given| {
        given.image.as_ref().is_some_and(|(image, own, _)| is_of(declared, slot, image) && own.contains(&region))
    };
    match owed.need {
        Need::Image(image) => {
            let layouts = |old, new| new == image.new && (old == image.old || image.old == ImageLayout::UNDEFINED);
            let fits = |given: &&Given| {
                on(image.slot, image.region, given)
                    && given.image.as_ref().is_some_and(|(_, _, [old, new])| layouts(*old, *new))
            };
            covers(
                &given.iter().filter(fits).map(|given| given.dependency).collect::<Vec<_>>(),
                &Dependency { source: image.source, target: image.target },
            )
        }
        Need::Memory(dependency) => {
            let fits = |given: &&Given| {
                given.image.is_none() || owed.region.is_some_and(|(slot, region)| on(slot, region, given))
            };
            covers(&given.iter().filter(fits).map(|given| given.dependency).collect::<Vec<_>>(), &dependency)
        }
    }
}

/// Whether barriers of one call order, and show, all that a dependency does: each stage before each stage, and each
/// access.
fn covers(given: &[Dependency], needed: &Dependency) -> bool {
    let given: Vec<_> = given.iter().map(all_of).collect();
    let Dependency { source, target } = all_of(needed);
    // Those that a stage can make. An execution dependency alone has none to go through.
    let masks = |stage: u64, mask: A| {
        let made = mask & if stage == u64::MAX { !A::NONE } else { possible(S::from_raw(stage)) };
        if made.is_empty() { vec![0] } else { each(made.as_raw()) }
    };
    each(source.stages.as_raw()).into_iter().all(|from| {
        each(target.stages.as_raw()).into_iter().all(|to| {
            let stands_between = |given: &&Dependency| {
                given.source.stages.as_raw() & from == from && given.target.stages.as_raw() & to == to
            };
            let between: Vec<_> = given.iter().filter(stands_between).collect();
            let shows = |written: u64, seen: u64| {
                let available = |given: &Dependency| given.source.mask.as_raw() & written == written;
                let visible = |given: &Dependency| written == 0 || given.target.mask.as_raw() & seen == seen;
                between.iter().any(|given| available(given) && visible(given))
            };
            let (written, seen) = (masks(from, source.mask), masks(to, target.mask));
            written.iter().all(|&written| seen.iter().all(|&seen| shows(written, seen)))
        })
    })
}

/// Each of the bits; all of them are as good as one.
fn each(bits: u64) -> Vec<u64> {
    match bits {
        u64::MAX => vec![bits],
        _ => (0..u64::BITS).map(|bit| 1 << bit).filter(|bit| bits & bit != 0).collect(),
    }
}

/// With all flags that others stand for.
fn all_of(dependency: &Dependency) -> Dependency {
    let scope = |scope: Scope| Scope { stages: all_stages(scope.stages), mask: all_masks(scope.mask) };
    Dependency { source: scope(dependency.source), target: scope(dependency.target) }
}

fn all_stages(stages: S) -> S {
    const COPIES: S = S::from_raw(S::COPY.as_raw() | S::RESOLVE.as_raw() | S::BLIT.as_raw() | S::CLEAR.as_raw());
    const INPUT: S = S::from_raw(S::INDEX_INPUT.as_raw() | S::VERTEX_ATTRIBUTE_INPUT.as_raw());
    const GRAPHICS: S = S::from_raw(
        S::DRAW_INDIRECT.as_raw()
            | S::VERTEX_INPUT.as_raw()
            | INPUT.as_raw()
            | S::VERTEX_SHADER.as_raw()
            | S::FRAGMENT_SHADER.as_raw()
            | S::EARLY_FRAGMENT_TESTS.as_raw()
            | S::LATE_FRAGMENT_TESTS.as_raw()
            | S::COLOR_ATTACHMENT_OUTPUT.as_raw(),
    );
    const PRE_RASTERIZATION: S = S::from_raw(S::PRE_RASTERIZATION_SHADERS.as_raw() | S::VERTEX_SHADER.as_raw());
    let groups = [
        (S::ALL_COMMANDS, S::from_raw(u64::MAX)),
        (S::ALL_GRAPHICS, GRAPHICS),
        (S::ALL_TRANSFER, COPIES),
        (S::VERTEX_INPUT, INPUT),
        (S::PRE_RASTERIZATION_SHADERS, PRE_RASTERIZATION),
    ];
    let stood_for = groups.iter().filter(|(flag, _)| stages.contains(*flag));
    // What is left of a flag that stands for others says nothing of its own.
    let flags = S::ALL_GRAPHICS | S::ALL_TRANSFER | S::VERTEX_INPUT | S::PRE_RASTERIZATION_SHADERS;
    let all = stood_for.fold(stages, |all, (_, stages)| all | *stages);
    if all.contains(S::ALL_COMMANDS) { all } else { all & !flags }
}

fn all_masks(mask: A) -> A {
    let groups = [
        (A::SHADER_READ, A::SHADER_SAMPLED_READ | A::SHADER_STORAGE_READ | A::UNIFORM_READ),
        (A::SHADER_WRITE, A::SHADER_STORAGE_WRITE),
        (A::MEMORY_READ, !crate::resource::access::WRITES),
        (A::MEMORY_WRITE, crate::resource::access::WRITES),
    ];
    groups.iter().filter(|(flag, _)| mask.contains(*flag)).fold(mask, |all, (_, masks)| all | *masks)
}

impl Graph {
    /// The barriers that a pass needs inside its graph, as far as it is declared: what [`Pass::manual`](crate::Pass::manual)
    /// takes for it. They do not depend on whether the pass is manual.
    ///
    /// # Errors
    ///
    /// What is wrong with the declarations, and [`Error::Graph`] if the pass is of another graph.
    pub fn barriers_for(&self, pass: PassId) -> Result<Vec<PassBarrier>> {
        let declared = self.declared_of(pass)?;
        let mut structure = declared.structure.clone();
        structure.make_manual(pass.index);
        let plan = Compiled::compile(&structure, &self.gpu().shared.device.queues.map);
        let plan = plan.map_err(|fault| declared.explain(fault))?;
        let position = plan.order.iter().position(|&index| index == pass.index);
        let mut owed: Vec<&Owed> = Vec::new();
        for need in plan.owed.iter().filter(|owed| Some(owed.position) == position) {
            if owed.iter().all(|known| known.need != need.need) {
                owed.push(need);
            }
        }
        Ok(owed.into_iter().map(|owed| barrier(&declared, owed)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPIED: (S, A) = (S::ALL_TRANSFER, A::TRANSFER_WRITE);
    const FETCHED: (S, A) = (S::VERTEX_ATTRIBUTE_INPUT, A::VERTEX_ATTRIBUTE_READ);
    const READ: (S, A) = (S::COMPUTE_SHADER, A::SHADER_STORAGE_READ);

    fn union(a: (S, A), b: (S, A)) -> (S, A) {
        (a.0 | b.0, a.1 | b.1)
    }

    #[test]
    fn a_barrier_covers_what_is_part_of_it() {
        let wide = dependency(union(COPIED, READ), union(FETCHED, READ));
        assert!(covers(&[wide], &dependency(COPIED, FETCHED)) && covers(&[wide], &wide));
        assert!(!covers(&[dependency(COPIED, FETCHED)], &wide) && !covers(&[], &dependency(COPIED, FETCHED)));
    }

    #[test]
    fn two_barriers_cover_what_each_of_them_has_half_of() {
        let halves = [dependency(COPIED, FETCHED), dependency(COPIED, READ)];
        assert!(covers(&halves, &dependency(COPIED, union(FETCHED, READ))));
        // Neither orders reads before copies.
        assert!(!covers(&halves, &dependency(union(COPIED, READ), union(FETCHED, READ))));
    }

    #[test]
    fn flags_that_stand_for_others_are_as_good_as_these() {
        let needed = dependency(COPIED, FETCHED);
        let all = (S::ALL_COMMANDS, A::MEMORY_WRITE);
        let seen = (S::ALL_COMMANDS, A::MEMORY_READ | A::MEMORY_WRITE);
        assert!(covers(&[dependency(all, seen)], &needed) && covers(&[dependency(all, seen)], &dependency(all, seen)));
        assert!(covers(&[dependency(COPIED, (S::VERTEX_INPUT, A::MEMORY_READ))], &needed));
        assert!(covers(&[dependency(COPIED, (S::ALL_GRAPHICS, A::VERTEX_ATTRIBUTE_READ))], &needed));
        assert!(!covers(&[dependency((S::COPY, A::TRANSFER_WRITE), FETCHED)], &needed), "blits and clears are missing");
        assert!(!covers(&[needed], &dependency(all, seen)));
    }

    #[test]
    fn execution_needs_no_accesses() {
        let needed = dependency((S::COMPUTE_SHADER, A::NONE), COPIED);
        assert!(covers(&[dependency((S::COMPUTE_SHADER, A::NONE), (S::ALL_TRANSFER, A::NONE))], &needed));
        assert!(!covers(&[dependency((S::VERTEX_SHADER, A::NONE), COPIED)], &needed));
    }

    #[test]
    fn what_is_not_made_available_is_not_shown() {
        let needed = dependency(COPIED, FETCHED);
        assert!(!covers(&[dependency((S::ALL_TRANSFER, A::NONE), FETCHED)], &needed));
        assert!(!covers(&[dependency(COPIED, (S::VERTEX_ATTRIBUTE_INPUT, A::NONE))], &needed));
    }
}
