//! What the parts of barrier calls are for. Only hints ask; in a compile that nobody listens to none of this is left.

use super::Input;
use crate::{
    graph::{compiled::ImageBarrier, ir::Region, state::Dependency},
    resource::Access,
};

/// Is told of each part of each call as it is placed.
pub(crate) trait Listener {
    /// Whether it is told anything.
    const LISTENS: bool;

    /// `spans`: as in [`Barriers`](super::Barriers).
    fn told(&mut self, input: &Input<'_>, spans: &[[u32; 2]], placed: Placed);
}

/// Nobody listens.
impl Listener for () {
    const LISTENS: bool = false;

    fn told(&mut self, _: &Input<'_>, _: &[[u32; 2]], _: Placed) {}
}

/// A part of a call, and what it is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    /// `None`: the pass's owner makes it, or it is a wait.
    pub(crate) call: Option<u32>,
    pub(crate) part: Part,
    /// Of the pass that needs it.
    pub(crate) position: u32,
    pub(crate) cause: Cause,
}

/// Something that orders one pass after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A part of a call's memory barrier; `covered`: another part covers it already, and it adds nothing.
    Memory { dependency: Dependency, covered: bool },
    /// An image barrier of a call.
    Image(ImageBarrier),
    /// A semaphore: the passes before are on another queue, or what they did went round by one.
    Wait,
}

/// Why there is a part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    /// Two sides of groups that touch the same.
    Data { before: u32, side: u32 },
    /// What a side touches lies in memory that others had before.
    Memory { side: u32 },
    /// A pass names the one at this position.
    Named { before: u32 },
}

/// A part of a call, with the passes that it is for: all by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Which of the plan's calls; `None`: the pass's owner makes it, or it is a wait.
    pub(crate) call: Option<usize>,
    pub(crate) part: Part,
    /// The pass that needs it.
    pub(crate) pass: usize,
    /// Passes that must be over.
    pub(crate) before: Vec<usize>,
    /// Passes that wait for that, the one that needs it among them.
    pub(crate) after: Vec<usize>,
    pub(crate) subject: Subject,
}

/// What a reason is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// A region of a slot, and how it is touched before and after.
    Data { slot: usize, region: Region, from: Access, to: Access },
    /// A transient that takes over the memory of others, if any had it before.
    Memory { slot: usize, region: Region, others: Vec<usize>, to: Access },
    /// One pass names the other.
    Named,
}

/// All that was told.
#[derive(Debug, Default)]
pub(crate) struct Reasons {
    pub(crate) all: Vec<Reason>,
}

impl Listener for Reasons {
    const LISTENS: bool = true;

    fn told(&mut self, input: &Input<'_>, spans: &[[u32; 2]], placed: Placed) {
        let Placed { call, part, position, cause } = placed;
        let pass = input.schedule.order[position as usize] as usize;
        let members = |side: u32| members(input, spans, side);
        let access = |side: u32| input.groups.access(&input.groups.sides[side as usize]);
        let (before, after, subject) = match cause {
            Cause::Data { before, side } => {
                let (slot, region) = input.atom(side);
                let subject = Subject::Data { slot, region, from: access(before), to: access(side) };
                (members(before), members(side), subject)
            }
            Cause::Memory { side } => {
                let (slot, region) = input.atom(side);
                let others = input.aliases.before(slot);
                let before = others.iter().flat_map(|&slot| last_sides(input, slot)).flat_map(members).collect();
                let others = others.iter().map(|&slot| slot as usize).collect();
                (before, members(side), Subject::Memory { slot, region, others, to: access(side) })
            }
            Cause::Named { before } => {
                (vec![input.schedule.order[before as usize] as usize], vec![pass], Subject::Named)
            }
        };
        self.all.push(Reason { call: call.map(|call| call as usize), part, pass, before, after, subject });
    }
}

/// The passes of a side, in the order of recording.
fn members(input: &Input<'_>, spans: &[[u32; 2]], side: u32) -> Vec<usize> {
    let [first, last] = spans[side as usize];
    let passes = input.schedule.order[first as usize..=last as usize].iter();
    let of_side = |pass: &&u32| input.touches.range(**pass).any(|touch| input.groups.side_of[touch] == side);
    passes.filter(of_side).map(|&pass| pass as usize).collect()
}

/// The sides of the last groups on a slot.
fn last_sides(input: &Input<'_>, slot: u32) -> Vec<u32> {
    let groups = input.groups;
    let last = input.touches.atoms_of(slot).filter_map(|atom| groups.get(groups.ends[atom][1]));
    last.flat_map(|group| groups.sides(group)).map(|(number, _)| number as u32).collect()
}
