//! Systems that touch the same thing, and of which nothing says who comes first.

use std::collections::HashMap;

use super::{Bound, Order, Stage};
use crate::{
    error::{Error, Result},
    graph::ir::Region,
    resource::Mode,
};

/// One use of one resource.
struct Touch {
    /// The system, by its number in the run.
    system: usize,
    mode: Mode,
    /// `None` for CPU data, which is touched as a whole.
    region: Option<Region>,
    /// Which use of the system it is, to name it by.
    number: usize,
}

impl Touch {
    /// Whether the two need an order.
    fn meets(&self, other: &Self) -> bool {
        let apart = self.region.zip(other.region).is_some_and(|(a, b)| a.intersection(&b).is_none());
        !self.mode.goes_beside(other.mode) && !apart
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Id {
    Cpu(usize),
    Gpu(usize),
}

/// What all systems touch, by resource.
fn touches(systems: &[Bound]) -> HashMap<Id, Vec<Touch>> {
    let mut all: HashMap<_, Vec<_>> = HashMap::new();
    for (system, bound) in systems.iter().enumerate() {
        for (number, used) in bound.cpu.iter().enumerate() {
            let touch = Touch { system, mode: used.mode, region: None, number };
            all.entry(Id::Cpu(used.data.id())).or_default().push(touch);
        }
        for (number, used) in bound.uses.declarations().enumerate() {
            let touch = Touch { system, mode: used.access.mode, region: Some(used.covered()), number };
            all.entry(Id::Gpu(used.resource.id())).or_default().push(touch);
        }
    }
    all
}

/// Pairs of systems that touch the same thing, one of them writing; the earlier one first.
fn pairs(touches: &[Touch]) -> impl Iterator<Item = (&Touch, &Touch)> {
    let later = |(number, touch)| touches[number + 1..].iter().map(move |later| (touch, later));
    let pairs = touches.iter().enumerate().flat_map(later);
    pairs.filter(|(first, second)| first.system != second.system && first.meets(second))
}

/// Whether an order is said for all systems that need one.
///
/// # Errors
///
/// [`Error::Graph`] for the first two systems without one.
pub(crate) fn check(stages: &[Stage], order: &Order, systems: &[Bound]) -> Result<()> {
    let all = touches(systems);
    let stage = |touch: &Touch| systems[touch.system].stage;
    let unordered =
        all.iter().flat_map(|(&id, touches)| pairs(touches).map(move |(a, b)| (a.system, b.system, id, a, b)));
    let unordered = unordered.filter(|(.., a, b)| !order.is_known(stage(a), stage(b)));
    // The same one every time, whatever a map's order.
    match unordered.min_by_key(|&(a, b, id, ..)| (a, b, id)) {
        None => Ok(()),
        Some((.., id, first, second)) => Err(told(stages, systems, id, first, second)),
    }
}

/// By system, the earlier systems that it has to come after because they touch the same GPU resource.
pub(crate) fn earlier(systems: &[Bound]) -> Vec<Vec<usize>> {
    let mut earlier = vec![Vec::new(); systems.len()];
    for (_, touches) in touches(systems).iter().filter(|(id, _)| matches!(id, Id::Gpu(_))) {
        pairs(touches).for_each(|(first, second)| earlier[second.system].push(first.system));
    }
    for earlier in &mut earlier {
        earlier.sort_unstable();
        earlier.dedup();
    }
    earlier
}

fn told(stages: &[Stage], systems: &[Bound], id: Id, first: &Touch, second: &Touch) -> Error {
    let [a, b] = [first, second].map(|touch| &systems[touch.system]);
    let [of_a, of_b] = [a, b].map(|bound| stages[bound.stage].name);
    let what = match id {
        Id::Cpu(_) => format!("CPU data `{}`", a.cpu[first.number].name()),
        Id::Gpu(_) => {
            let used = a.uses.declarations().nth(first.number);
            used.map_or_else(String::new, |used| format!("`{}`", used.resource.name()))
        }
    };
    let (a, b) = (&a.name, &b.name);
    let writes = match (first.mode, second.mode) {
        (Mode::Read, _) => format!("`{b}` writes it"),
        (_, Mode::Read) => format!("`{a}` writes it"),
        _ => "both write it".to_owned(),
    };
    Error::Graph(if of_a == of_b {
        format!(
            "systems `{a}` and `{b}` of stage `{of_a}` both touch {what}, {writes}, and nothing says which comes first; move \
             the one that comes second to a stage that is `after = \"{of_a}\"`"
        )
    } else {
        format!(
            "systems `{a}` (stage `{of_a}`) and `{b}` (stage `{of_b}`) both touch {what}, {writes}, and neither stage comes \
             after the other; say `after = \"{of_a}\"` of stage `{of_b}`, or the other way round"
        )
    })
}
