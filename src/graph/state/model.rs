//! A slow GPU that remembers every access: what Vulkan's rules say is ordered and visible, worked out per access.

use std::collections::HashMap;

use ash::vk;
use vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

use super::{Acquire, Relayout, Scope};
use crate::{gpu::QueueId, graph::ir::Region, resource::Access, sync::Stamp};

/// Per queue, the value up to which all is over and visible.
type Clock = [u64; QueueId::MOST];

/// One stage's access to a region.
pub(super) struct Past {
    pub(super) region: Region,
    pub(super) stamp: Stamp,
    pub(super) group: usize,
    /// A write, or a transition, which counts as one.
    pub(super) changes: bool,
    stage: S,
    write_mask: A,
    available: bool,
    /// The stages on its own queue that come after it.
    after: S,
    /// What sees it on its own queue.
    visible: Vec<Scope>,
}

/// What is true of one cell.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) layout: L,
    pub(super) owner: Option<QueueId>,
    pub(super) written: bool,
    /// The group that changed it last.
    pub(super) changed_by: usize,
    /// What read it since, through which scope.
    pub(super) read: Vec<(QueueId, Scope)>,
}

pub(super) struct Gpu {
    width: u64,
    pub(super) families: Option<Vec<u32>>,
    pub(super) cells: Vec<Cell>,
    pub(super) history: Vec<Past>,
    given: Clock,
    known: [Clock; QueueId::MOST],
    signalled: HashMap<Stamp, Clock>,
    groups: usize,
}

/// An access of one group of passes.
pub(super) struct Now {
    pub(super) region: Region,
    pub(super) group: usize,
    pub(super) access: Access,
    pub(super) discard: bool,
}

/// `ALL_COMMANDS` stands for each stage.
fn all_of(stages: S) -> S {
    if stages.contains(S::ALL_COMMANDS) { !S::NONE } else { stages }
}

fn bits(stages: S) -> impl Iterator<Item = S> {
    (0..64).map(|bit| S::from_raw(1 << bit)).filter(move |&stage| stages.contains(stage))
}

impl Gpu {
    pub(super) fn new(width: u64, height: u32, families: Option<Vec<u32>>) -> Self {
        let cell = Cell { layout: L::UNDEFINED, owner: None, written: false, changed_by: 0, read: Vec::new() };
        Self {
            width,
            families,
            cells: vec![cell; width as usize * height as usize],
            history: Vec::new(),
            given: Clock::default(),
            known: Default::default(),
            signalled: HashMap::new(),
            groups: 0,
        }
    }

    pub(super) fn next_group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    pub(super) fn cells(&self, region: Region) -> impl Iterator<Item = usize> + use<> {
        let width = self.width;
        let row = move |y: u32| (region.x[0]..region.x[1]).map(move |x| (u64::from(y) * width + x) as usize);
        (region.y[0]..region.y[1]).flat_map(row)
    }

    /// The queue's next batch, which waits with all its commands.
    pub(super) fn begin(&mut self, queue: QueueId, waits: &[Stamp]) -> Stamp {
        for wait in waits {
            let clock =
                self.signalled.get(wait).unwrap_or_else(|| panic!("{queue:?} waits for {wait:?}: not submitted"));
            for (known, value) in self.known[queue.index()].iter_mut().zip(clock) {
                *known = (*known).max(*value);
            }
        }
        self.given[queue.index()] += 1;
        Stamp { queue, value: self.given[queue.index()] }
    }

    pub(super) fn end(&mut self, stamp: Stamp) {
        let mut clock = self.known[stamp.queue.index()];
        clock[stamp.queue.index()] = stamp.value;
        self.signalled.insert(stamp, clock);
    }

    fn family(&self, queue: QueueId) -> u32 {
        self.families.as_ref().map_or(0, |families| families[queue.index()])
    }

    /// A barrier on `queue`; its memory part holds for all of `region`.
    pub(super) fn barrier(&mut self, queue: QueueId, region: Option<Region>, source: Scope, target: Scope) {
        for past in self.history.iter_mut().filter(|past| past.stamp.queue == queue) {
            if region.is_some_and(|region| past.region.intersection(&region).is_none()) {
                continue;
            }
            if source.stages.contains(past.stage) || past.after.intersects(source.stages) {
                past.available |= source.stages.contains(past.stage) && source.mask.contains(past.write_mask);
                past.after |= all_of(target.stages);
                if past.available {
                    past.visible.push(target);
                }
            }
        }
    }

    /// Released on one queue, acquired on the other: the reply is the wait that the acquiring batch makes.
    pub(super) fn release(&mut self, acquire: &Acquire) -> Stamp {
        let by = acquire.from.queue;
        for cell in self.cells(acquire.region) {
            let Cell { layout, owner, .. } = self.cells[cell];
            assert_eq!(owner.map(|owner| self.family(owner)), Some(self.family(by)), "released by the owner");
            assert_eq!(layout, acquire.layout, "in the present layout");
        }
        let stamp = self.begin(by, &acquire.after);
        assert!(acquire.from.value < stamp.value);
        for past in self.history.iter().filter(|past| past.region.intersection(&acquire.region).is_some()) {
            let at = past.stamp;
            let before = at.queue == by && at.value <= acquire.from.value;
            assert!(before || self.knows(by, at), "{acquire:?} does not come after {at:?}");
        }
        self.end(stamp);
        stamp
    }

    /// An acquire, in a batch that has waited for the release: it shows everything to everything.
    pub(super) fn acquired(&mut self, stamp: Stamp, acquire: &Acquire) {
        for cell in self.cells(acquire.region) {
            self.cells[cell].owner = Some(stamp.queue);
        }
        let all = Scope { stages: !S::NONE, mask: !A::NONE };
        self.transition(stamp, acquire.region, all, |_| {});
    }

    /// Books what counts as a write, though it writes nothing.
    fn transition(&mut self, stamp: Stamp, region: Region, target: Scope, change: impl Fn(&mut Cell)) {
        let group = self.next_group();
        self.change(region, group, change);
        let (after, visible) = (target.stages, vec![target]);
        let (stage, write_mask) = (S::NONE, A::NONE);
        let changes = true;
        self.history.push(Past { region, stamp, group, changes, stage, write_mask, available: true, after, visible });
    }

    fn knows(&self, queue: QueueId, stamp: Stamp) -> bool {
        stamp.value <= self.known[queue.index()][stamp.queue.index()]
    }

    /// A transition, in a batch that has made its waits.
    pub(super) fn relayout(&mut self, stamp: Stamp, relayout: &Relayout, discard: bool) {
        let Relayout { region, source, target, old, new } = *relayout;
        for cell in self.cells(region) {
            let Cell { layout, owner, .. } = self.cells[cell];
            let foreign = owner.is_some_and(|owner| self.family(owner) != self.family(stamp.queue));
            assert!(old == layout && !foreign || old == L::UNDEFINED && discard, "{relayout:?}: is {layout:?}");
            assert!(new != layout || foreign, "needless: {relayout:?}");
        }
        for past in self.history.iter().filter(|past| past.region.intersection(&region).is_some()) {
            let direct = source.stages.contains(past.stage);
            let here = past.stamp.queue == stamp.queue && (direct || past.after.intersects(source.stages));
            let elsewhere = self.knows(stamp.queue, past.stamp) && !source.is_empty();
            assert!(here || elsewhere, "{relayout:?} is not after {:?} at {:?}", past.stage, past.stamp);
            let available = past.available || direct && source.mask.contains(past.write_mask);
            assert!(elsewhere || available, "{relayout:?}: a write is not available");
        }
        self.barrier(stamp.queue, Some(region), source, target);
        self.transition(stamp, region, target, |cell| cell.layout = new);
    }

    fn change(&mut self, region: Region, group: usize, change: impl Fn(&mut Cell)) {
        for cell in self.cells(region) {
            let cell = &mut self.cells[cell];
            cell.changed_by = group;
            cell.read.clear();
            change(cell);
        }
    }

    /// An access, which everything before it that it conflicts with must be ordered with and visible to.
    pub(super) fn access(&mut self, stamp: Stamp, now: &Now) {
        self.check_image(stamp.queue, now);
        for past in self.history.iter().filter(|past| past.region.intersection(&now.region).is_some()) {
            let conflict = (past.changes || now.access.writes()) && past.group != now.group;
            if conflict && !self.knows(stamp.queue, past.stamp) {
                self.check(stamp, past, now);
            }
        }
        self.remember(stamp, now);
    }

    fn check_image(&mut self, queue: QueueId, now: &Now) {
        for cell in self.cells(now.region).filter(|_| self.families.is_some()) {
            let owner = self.cells[cell].owner.replace(queue);
            assert_eq!(self.cells[cell].layout, now.access.layout);
            let owned = owner.is_none_or(|owner| self.family(owner) == self.family(queue));
            assert!(owned || now.discard, "{queue:?} uses what {owner:?} owns");
        }
    }

    fn check(&self, stamp: Stamp, past: &Past, now: &Now) {
        let what = || format!("{:?} at {stamp:?} after {:?} at {:?}", now.access, past.stage, past.stamp);
        assert_eq!(stamp.queue, past.stamp.queue, "no wait: {}", what());
        for stage in bits(now.access.stages) {
            assert!(past.after.contains(stage), "no barrier: {}", what());
            let scope = Scope { stages: stage, mask: now.access.mask };
            let seen = past.available && past.visible.iter().any(|visible| visible.covers(scope));
            assert!(seen || !past.changes || now.discard, "not visible: {}", what());
        }
    }

    fn remember(&mut self, stamp: Stamp, now: &Now) {
        let &Now { region, group, access, .. } = now;
        let changes = access.writes();
        if changes {
            self.change(region, group, |cell| cell.written = true);
        } else {
            for cell in self.cells(region) {
                self.cells[cell].read.push((stamp.queue, Scope::of(&access)));
            }
        }
        let write_mask = access.write_mask();
        self.history.extend(bits(access.stages).map(|stage| Past {
            region,
            stamp,
            group,
            changes,
            stage,
            write_mask,
            available: !changes,
            after: S::NONE,
            visible: Vec::new(),
        }));
    }
}
