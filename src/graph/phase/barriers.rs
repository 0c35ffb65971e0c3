//! What stands between groups: at most one barrier call at each wave of a queue, with one merged memory barrier.
//!
//! A dependency may stand anywhere behind its last source and before its first target: its window. It reuses a standing
//! call that covers it already (Tephra), else widens the latest in its window, and opens a new call only if there is none.
//!
//! What a pass needs whose owner makes its barriers is noted instead: it owes that. Where memory comes from, and what goes
//! from queue to queue, is placed for it as for every other.

pub(crate) mod reasons;

use ash::vk::{AccessFlags2, ImageLayout, PipelineStageFlags2 as S};

use reasons::{Cause, Listener, Part, Placed};

use super::{
    alias::Aliases,
    batches::Schedule,
    groups::{Group, Groups, NONE, Side},
    regions::Touches,
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::{Barrier, ImageBarrier, Need, Owed},
        ir::{QueueMap, Region, Structure},
        state::{Dependency, Scope},
    },
    resource::access::WRITES,
};

/// As many standing calls of a window are looked at: those further back are rarely the ones that cover.
const MOST_STANDING: usize = 8;

/// What `after` means between passes of one queue.
const EVERYTHING: Dependency = Dependency {
    source: Scope { stages: S::ALL_COMMANDS, mask: AccessFlags2::MEMORY_WRITE },
    target: Scope {
        stages: S::ALL_COMMANDS,
        mask: AccessFlags2::from_raw(AccessFlags2::MEMORY_READ.as_raw() | AccessFlags2::MEMORY_WRITE.as_raw()),
    },
};

/// The barrier calls of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Barriers {
    pub(crate) calls: Vec<Barrier>,
    /// By position: the call before it.
    pub(crate) before: Vec<Option<u32>>,
    /// By batch: the call after its last pass.
    pub(crate) after: Vec<Option<u32>>,
    /// By side: the positions of its first and last member.
    pub(crate) spans: Vec<[u32; 2]>,
    /// What passes need whose owners make it.
    pub(crate) owed: Vec<Owed>,
}

/// What the phases before found out.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    pub(crate) structure: &'a Structure,
    pub(crate) map: &'a QueueMap,
    pub(crate) touches: &'a Touches,
    pub(crate) live: &'a [bool],
    pub(crate) groups: &'a Groups,
    pub(crate) schedule: &'a Schedule,
    pub(crate) aliases: &'a Aliases,
}

impl Input<'_> {
    pub(crate) fn is_image(&self, group: &Group) -> bool {
        self.structure.shapes()[self.slot(group)].is_image()
    }

    /// The slot that a side touches, and which region of it.
    pub(crate) fn atom(&self, side: u32) -> (usize, Region) {
        let group = self.groups.sides[side as usize].group;
        let atom = &self.touches.atoms[self.groups.all[group as usize].atom as usize];
        (atom.slot as usize, atom.region)
    }

    fn slot(&self, group: &Group) -> usize {
        self.touches.atoms[group.atom as usize].slot as usize
    }

    /// Whether an image goes from one group to the next by a change of layout or of owner. Images have one side.
    pub(crate) fn changes_hands(&self, from: &Group, to: &Group) -> bool {
        let family = |group: &Group| self.map.family(self.groups.sides[group.side as usize].queue);
        self.is_image(to)
            && to.layout != ImageLayout::UNDEFINED
            && (from.layout != to.layout || family(from) != family(to))
    }
}

/// Places all dependencies, wave by wave, and tells the listener what they are for.
pub(crate) fn barriers(input: Input<'_>, listener: &mut impl Listener) -> Barriers {
    let schedule = input.schedule;
    let barriers = Barriers {
        calls: Vec::with_capacity(schedule.times.last().map_or(0, |time| *time as usize / 2)),
        before: vec![None; schedule.order.len()],
        after: vec![None; schedule.batches.len()],
        spans: spans(&input),
        owed: Vec::new(),
    };
    let images = input.structure.shapes().iter().any(|shape| shape.is_image());
    let mut placing = Placing { input, barriers, heads: heads(schedule), standing: Default::default(), listener };
    let wave = |position: u32| schedule.times[position as usize] / 2;
    for positions in schedule.by_wave.chunk_by(|a, b| wave(*a) == wave(*b)) {
        // Image barriers have their place; memory joins wherever a call stands.
        if images {
            positions.iter().for_each(|&position| placing.open(position, Placing::image));
        }
        positions.iter().for_each(|&position| placing.open(position, Placing::memory));
        positions.iter().for_each(|&position| placing.named(position));
    }
    placing.barriers
}

fn spans(input: &Input<'_>) -> Vec<[u32; 2]> {
    let mut spans = vec![[NONE, 0]; input.groups.sides.len()];
    for (position, &pass) in input.schedule.order.iter().enumerate() {
        for touch in input.touches.range(pass) {
            let [first, last] = &mut spans[input.groups.side_of[touch] as usize];
            (*first, *last) = ((*first).min(position as u32), position as u32);
        }
    }
    spans
}

/// By position: the first of the same queue and wave, and the first of the same queue and time.
fn heads(schedule: &Schedule) -> Vec<[u32; 2]> {
    let mut last: [Option<(u32, [u32; 2])>; QueueId::MOST] = [None; QueueId::MOST];
    let mut heads = Vec::with_capacity(schedule.order.len());
    for (position, &time) in schedule.times.iter().enumerate() {
        let here = position as u32;
        let last = &mut last[schedule.batches[schedule.batch_of[position] as usize].queue.index()];
        let head = match *last {
            Some((known, head)) if known == time => head,
            Some((known, head)) if known / 2 == time / 2 => [head[0], here],
            _ => [here; 2],
        };
        *last = Some((time, head));
        heads.push(head);
    }
    heads
}

struct Placing<'a, 'l, L> {
    input: Input<'a>,
    barriers: Barriers,
    heads: Vec<[u32; 2]>,
    /// By queue: positions of calls, ascending, and their numbers.
    standing: [Vec<(u32, u32)>; QueueId::MOST],
    listener: &'l mut L,
}

/// A side that a group begins with on a queue.
#[derive(Clone, Copy)]
struct Opening<'a> {
    number: u32,
    side: &'a Side,
    group: &'a Group,
    /// Of its first member.
    position: u32,
}

/// What the group before left on the same queue.
struct Left {
    side: u32,
    source: Scope,
    /// The position of its last member.
    last: u32,
}

/// What was left in memory by those who had it before, on the same queue.
#[derive(Clone, Copy, Default)]
struct Inherited {
    source: Scope,
    /// The position that left the last of it.
    after: u32,
    /// Whether some of it is over by way of other queues.
    went_round: bool,
}

impl<'a, L: Listener> Placing<'a, '_, L> {
    /// Calls `place` for each side that begins with the pass at a position.
    fn open(&mut self, position: u32, place: impl Fn(&mut Self, Opening<'a>)) {
        let Input { touches, groups, schedule, .. } = self.input;
        for touch in touches.range(schedule.order[position as usize]) {
            let number = groups.side_of[touch] as usize;
            if self.barriers.spans[number][0] == position {
                let side = &groups.sides[number];
                place(self, Opening { number: number as u32, side, group: &groups.all[side.group as usize], position });
            }
        }
    }

    /// Where a side's group needs no image barrier: what it needs of memory.
    fn memory(&mut self, opening: Opening<'a>) {
        let target = Scope::of(&self.input.groups.access(opening.side));
        match self.input.groups.before(opening.group) {
            Some(before) if !self.input.changes_hands(before, opening.group) => {
                self.tell_of_waits(before, opening);
                let Some(Left { side, source, last }) = self.left_here(before, opening) else { return };
                let (dependency, cause) =
                    (Dependency { source, target }, Cause::Data { before: side, side: opening.number });
                match self.is_manual(opening.position) {
                    true => self.owe(opening.position, Need::Memory(dependency), cause),
                    false => self.require(last, opening.position, dependency, cause),
                }
            }
            None if !self.input.is_image(opening.group) => {
                let Inherited { source, after, .. } = self.inherited(opening);
                if !source.is_empty() {
                    let cause = Cause::Memory { side: opening.number };
                    self.require(after, opening.position, Dependency { source, target }, cause);
                }
            }
            _ => {}
        }
    }

    /// What the group before left on the same queue; nothing if it went round by other queues.
    fn left_here(&self, before: &Group, opening: Opening<'_>) -> Option<Left> {
        let Input { groups, schedule, .. } = self.input;
        let queue = opening.side.queue;
        let (number, side) = groups.sides(before).find(|(_, side)| side.queue == queue)?;
        let last = self.barriers.spans[number][1];
        let left = || Left { side: number as u32, source: groups.left_by(side), last };
        (!schedule.went_round(queue, last, opening.position)).then(left)
    }

    /// What is left in the memory that a transient takes over.
    fn inherited(&self, opening: Opening<'_>) -> Inherited {
        let Input { touches, groups, aliases, schedule, .. } = self.input;
        let mut inherited = Inherited::default();
        for &slot in aliases.before(self.input.slot(opening.group)) {
            let last = touches.atoms_of(slot).filter_map(|atom| groups.get(groups.ends[atom][1]));
            for (number, side) in last.flat_map(|group| groups.sides(group)) {
                let last = self.barriers.spans[number][1];
                if schedule.went_round(side.queue, last, opening.position) {
                    inherited.went_round = true;
                } else {
                    inherited.source |= groups.left_by(side);
                    inherited.after = inherited.after.max(last);
                }
            }
        }
        inherited
    }

    /// The image barrier before a side's group, if it needs one.
    fn image(&mut self, opening: Opening<'a>) {
        let Opening { side, group, position, .. } = opening;
        let slot = self.input.slot(group);
        if !self.input.is_image(group) || group.layout == ImageLayout::UNDEFINED {
            return;
        }
        let [wave, time] = self.heads[position as usize];
        let target = Scope::of(&self.input.groups.access(side));
        let region = self.input.touches.atoms[group.atom as usize].region;
        let change =
            |source, old| ImageBarrier { slot, region, source, target, old, new: group.layout, transfer: None };
        let Some(before) = self.input.groups.before(group) else {
            // An import's first barrier is made at commit.
            if self.input.structure.shapes()[slot].is_transient() {
                let Inherited { mut source, went_round, .. } = self.inherited(opening);
                if went_round {
                    source |= Scope::execution(side.scope.stages);
                }
                let head = if went_round { time } else { wave };
                let change = change(source, ImageLayout::UNDEFINED);
                self.add_image(side.queue, head, change, position, Cause::Memory { side: opening.number });
            }
            return;
        };
        if !self.input.changes_hands(before, group) {
            return;
        }
        self.tell_of_waits(before, opening);
        let old = if group.discard { ImageLayout::UNDEFINED } else { before.layout };
        let cause = Cause::Data { before: before.side, side: opening.number };
        match self.left_here(before, opening) {
            Some(Left { source, .. }) if self.is_manual(position) => {
                self.owe(position, Need::Image(change(source, old)), cause);
            }
            Some(Left { source, .. }) => self.add_image(side.queue, wave, change(source, old), position, cause),
            None => {
                // Behind the wait for the other queue, with which these stages are in a chain.
                let mut change = change(Scope::execution(side.scope.stages), old);
                change.transfer = self.release(before, opening, &change);
                self.add_image(side.queue, time, change, position, cause);
            }
        }
    }

    /// Releases an image to a queue of another family, unless nobody needs what is in it.
    fn release(&mut self, before: &Group, opening: Opening<'_>, acquire: &ImageBarrier) -> Option<[QueueId; 2]> {
        let Input { groups, schedule, map, .. } = self.input;
        let group = opening.group;
        let (from, to) = (&groups.sides[before.side as usize], &groups.sides[group.side as usize]);
        if group.discard || map.family(from.queue) == map.family(to.queue) {
            return None;
        }
        let transfer = Some([from.queue, to.queue]);
        let last = self.barriers.spans[before.side as usize][1];
        let batch = schedule.batch_of[last as usize] as usize;
        let release = ImageBarrier { source: groups.left_by(from), target: Scope::default(), transfer, ..*acquire };
        let Barriers { calls, after, .. } = &mut self.barriers;
        let call = *after[batch].get_or_insert_with(|| {
            calls.push(Barrier::default());
            calls.len() as u32 - 1
        });
        calls[call as usize].images.push(release);
        let cause = Cause::Data { before: before.side, side: opening.number };
        self.tell(Some(call), Part::Image(release), opening.position, cause);
        transfer
    }

    /// `asker`: the position of the pass that it is for.
    fn add_image(&mut self, queue: QueueId, position: u32, image: ImageBarrier, asker: u32, cause: Cause) {
        let call = self.call(queue, position);
        self.barriers.calls[call as usize].images.push(image);
        self.tell(Some(call), Part::Image(image), asker, cause);
    }

    /// Whether the owner of the pass at a position makes its barriers.
    fn is_manual(&self, position: u32) -> bool {
        let Input { structure, schedule, .. } = self.input;
        structure.has_manual() && structure.pass(schedule.order[position as usize] as usize).manual
    }

    /// Leaves to the owner of a pass what it needs.
    fn owe(&mut self, position: u32, need: Need, cause: Cause) {
        let region = match cause {
            Cause::Data { side, .. } | Cause::Memory { side } => Some(self.input.atom(side)),
            Cause::Named { .. } => None,
        };
        self.barriers.owed.push(Owed { position: position as usize, region, need });
        let part = match need {
            Need::Memory(dependency) => Part::Memory { dependency, covered: false },
            Need::Image(image) => Part::Image(image),
        };
        self.tell(None, part, position, cause);
    }

    fn tell(&mut self, call: Option<u32>, part: Part, position: u32, cause: Cause) {
        if L::LISTENS {
            self.listener.told(&self.input, &self.barriers.spans, Placed { call, part, position, cause });
        }
    }

    /// What comes from other queues, or went round by them, is waited for by semaphores.
    fn tell_of_waits(&mut self, before: &Group, opening: Opening<'_>) {
        if L::LISTENS {
            let Input { groups, schedule, .. } = self.input;
            for (number, side) in groups.sides(before) {
                let last = self.barriers.spans[number][1];
                if side.queue != opening.side.queue || schedule.went_round(side.queue, last, opening.position) {
                    let cause = Cause::Data { before: number as u32, side: opening.number };
                    self.tell(None, Part::Wait, opening.position, cause);
                }
            }
        }
    }

    /// What a pass needs because it names others that it comes after.
    fn named(&mut self, position: u32) {
        let Input { structure, schedule, live, .. } = self.input;
        let queue = |position: u32| schedule.batches[schedule.batch_of[position as usize] as usize].queue;
        let here = queue(position);
        let named = structure.after(schedule.order[position as usize] as usize).filter(|&before| live[before]);
        for before in named.map(|before| schedule.position[before]) {
            let cause = Cause::Named { before };
            if queue(before) != here || schedule.went_round(here, before, position) {
                self.tell(None, Part::Wait, position, cause);
            } else if self.is_manual(position) {
                self.owe(position, Need::Memory(EVERYTHING), cause);
            } else {
                self.require(before, position, EVERYTHING, cause);
            }
        }
    }

    /// Makes `dependency` stand behind the position `after` and before the position `until`, on the queue of that.
    fn require(&mut self, after: u32, until: u32, dependency: Dependency, cause: Cause) {
        let schedule = self.input.schedule;
        let queue = schedule.batches[schedule.batch_of[until as usize] as usize].queue;
        let standing = self.standing[queue.index()].iter().rev().filter(|(position, _)| *position <= until);
        let mut window = standing.take_while(|(position, _)| *position > after).take(MOST_STANDING).peekable();
        let latest = window.peek().map(|(_, call)| *call);
        let covering = window.find(|(_, call)| covers(&self.barriers.calls[*call as usize].memory, &dependency));
        if let Some(&(_, call)) = covering {
            return self.tell(Some(call), Part::Memory { dependency, covered: true }, until, cause);
        }
        let call = latest.unwrap_or_else(|| self.call(queue, self.heads[until as usize][0]));
        let memory = &mut self.barriers.calls[call as usize].memory;
        memory.source |= dependency.source;
        memory.target |= dependency.target;
        self.tell(Some(call), Part::Memory { dependency, covered: false }, until, cause);
    }

    /// The call before a position, a new one if none stands there.
    fn call(&mut self, queue: QueueId, position: u32) -> u32 {
        let Barriers { calls, before, .. } = &mut self.barriers;
        *before[position as usize].get_or_insert_with(|| {
            calls.push(Barrier::default());
            let standing = &mut self.standing[queue.index()];
            let place = standing.partition_point(|(other, _)| *other < position);
            standing.insert(place, (position, calls.len() as u32 - 1));
            calls.len() as u32 - 1
        })
    }
}

/// Whether a standing barrier is as good as `dependency`, which flags that stand for many others may hide.
fn covers(standing: &Dependency, dependency: &Dependency) -> bool {
    let whole = |scope: Scope| Scope { stages: all_stages(scope.stages), mask: all_masks(scope.mask) };
    whole(standing.source).covers(dependency.source) && whole(standing.target).covers(dependency.target)
}

fn all_stages(stages: S) -> S {
    if stages.contains(S::ALL_COMMANDS) { S::from_raw(u64::MAX) } else { stages }
}

fn all_masks(mask: AccessFlags2) -> AccessFlags2 {
    let writes = if mask.contains(AccessFlags2::MEMORY_WRITE) { WRITES } else { mask };
    let reads = if mask.contains(AccessFlags2::MEMORY_READ) { !WRITES } else { mask };
    mask | writes | reads
}

#[cfg(test)]
mod tests;
