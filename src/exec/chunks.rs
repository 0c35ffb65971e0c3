//! How a plan's passes are cut into recording tasks.

use std::{ops::Range, time::Duration};

/// What is recorded in place unless told otherwise: one task's worth, for which whoever polls would only wait.
pub(crate) const IN_PLACE_BELOW: Duration = TASK;
/// A recording task's size, some hundred times what spawning it costs.
const TASK: Duration = Duration::from_micros(100);
/// What a share of a parallel pass should cost at least, and at most. Each is a command buffer of its own, and holds its
/// worker for as long. Several for each worker: tokio wakes its workers one after the other, and who comes late takes
/// fewer.
const SHARE: Range<Duration> = Duration::from_micros(100)..Duration::from_micros(200);
/// The same of a worker that has nobody to share with: only so that others get their turn.
const LONE_SHARE: Duration = Duration::from_micros(700);
/// Frames that are guessed to cost less are one task also the first time.
const FEW: Duration = Duration::from_micros(20);
/// What a pass is taken to cost before it was ever measured.
const UNMEASURED: Duration = Duration::from_micros(5);
/// What an item of a parallel pass is taken to cost before it was measured: a draw with its push constants.
const ITEM: Duration = Duration::from_nanos(90);

/// What cutting must know of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// May share a command buffer with its neighbours.
    Plain,
    /// Has a task of its own: it waits for a job, or was recorded by its owner.
    Alone,
    /// Is split into shares: of so many items, where that is known.
    Parallel(Option<usize>),
}

/// A position of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) batch: usize,
    pub(crate) kind: Kind,
}

/// One recording task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) batch: usize,
    /// Positions of the plan, all of one batch; one if it is a share.
    pub(crate) positions: Range<usize>,
    pub(crate) share: Option<Share>,
}

/// A share of a parallel pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) index: usize,
    pub(crate) of: usize,
}

impl Share {
    /// Its part of `items`.
    pub(crate) fn range(self, items: usize) -> Range<usize> {
        let start = |index: usize| (items as u128 * index as u128 / self.of as u128) as usize;
        start(self.index)..start(self.index + 1)
    }

    pub(crate) fn is_first(self) -> bool {
        self.index == 0
    }

    pub(crate) fn is_last(self) -> bool {
        self.index + 1 == self.of
    }
}

/// The tasks in order, and whether to record them in place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) in_place: bool,
}

/// What is known of a graph's cost.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cost<'a> {
    /// A frame: what each pass cost last time, in nanoseconds. It counts only if it is of as many passes.
    LastTime(&'a [u64]),
    /// A graph by itself, recorded once: a guess must do.
    Guess,
}

/// Cuts a plan for at most `workers` tasks of about equal cost at a time. What makes one task and costs less than
/// `in_place_below` is recorded in place.
pub(crate) fn cut(plan: &[Position], cost: Cost<'_>, workers: usize, in_place_below: Duration) -> Cut {
    let workers = workers.max(1);
    let measured = match cost {
        Cost::LastTime(costs) if costs.len() == plan.len() => Some(costs),
        _ => None,
    };
    let of = |at: usize| measured.map_or_else(|| guess(plan[at].kind), |costs| costs[at].max(1));
    let plain = (0..plan.len()).filter(|&at| plan[at].kind == Kind::Plain);
    let total: u64 = plain.clone().map(of).sum();
    let first_time = matches!(cost, Cost::LastTime(_)) && measured.is_none();
    let cheap = u128::from((0..plan.len()).map(of).sum::<u64>()) < in_place_below.as_nanos();
    // Recorded by one thread, more than one command buffer would only cost.
    let together = cheap && measured.is_some();
    let tasks = match first_time {
        _ if together => 1,
        // A guess of a few microseconds a pass is not worth a task for each of them; more may be: one a worker.
        true if total > nanos(FEW) => workers,
        true => 1,
        false => total.div_ceil(nanos(TASK)) as usize,
    };
    let tasks = tasks.clamp(1, workers).min(plain.count().max(1));
    let mut cutter = Cutter { pieces: Vec::with_capacity(tasks), start: 0, sum: 0, total, tasks, full: 0 };
    for (at, position) in plan.iter().enumerate() {
        if at > 0 && plan[at - 1].batch != position.batch {
            cutter.end(plan, at);
        }
        match position.kind {
            Kind::Plain => cutter.add(plan, at, of(at)),
            Kind::Alone => cutter.alone(plan, at, 1),
            Kind::Parallel(_) if together => cutter.alone(plan, at, 1),
            Kind::Parallel(items) => cutter.alone(plan, at, shares(of(at), items, measured.is_some(), workers)),
        }
    }
    cutter.end(plan, plan.len());
    let in_place = cheap && cutter.pieces.len() <= 1;
    Cut { pieces: cutter.pieces, in_place }
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos() as u64
}

fn guess(kind: Kind) -> u64 {
    match kind {
        Kind::Parallel(Some(items)) => nanos(ITEM).saturating_mul(items as u64).max(nanos(UNMEASURED)),
        _ => nanos(UNMEASURED),
    }
}

/// How many shares a parallel pass has: a multiple of the workers, unless that would make them too small.
fn shares(cost: u64, items: Option<usize>, measured: bool, workers: usize) -> usize {
    if !measured && items.is_none() {
        return workers;
    }
    let share = if workers == 1 { LONE_SHARE } else { SHARE.end };
    let rounds = cost.div_ceil(nanos(share).saturating_mul(workers as u64)).max(1) as usize;
    let most = (cost / nanos(SHARE.start)).max(1) as usize;
    rounds.saturating_mul(workers).min(most).min(items.unwrap_or(usize::MAX).max(1))
}

/// The pieces so far, and the plain passes since the last of them.
struct Cutter {
    pieces: Vec<Piece>,
    start: usize,
    /// Cost of the plain passes so far, of `total`.
    sum: u64,
    total: u64,
    tasks: usize,
    /// Shares of the total that are full.
    full: usize,
}

impl Cutter {
    /// A plain pass. A piece ends where its share of the total is reached.
    fn add(&mut self, plan: &[Position], at: usize, cost: u64) {
        self.sum += cost;
        let share = u128::from(self.total) * (self.full as u128 + 1) / self.tasks as u128;
        if u128::from(self.sum) >= share && self.full + 1 < self.tasks {
            self.full += 1;
            self.end(plan, at + 1);
        }
    }

    fn alone(&mut self, plan: &[Position], at: usize, shares: usize) {
        self.end(plan, at);
        let batch = plan[at].batch;
        let split = matches!(plan[at].kind, Kind::Parallel(_));
        self.pieces.extend((0..shares).map(|index| Piece {
            batch,
            positions: at..at + 1,
            share: split.then_some(Share { index, of: shares }),
        }));
        self.start = at + 1;
    }

    /// The plain passes before `at` are a piece.
    fn end(&mut self, plan: &[Position], at: usize) {
        if self.start < at {
            self.pieces.push(Piece { batch: plan[self.start].batch, positions: self.start..at, share: None });
        }
        self.start = at;
    }
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "lists of ranges, some of one")]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_micros(100);
    const PLAIN: Position = Position { batch: 0, kind: Kind::Plain };

    fn frame(passes: usize, costs: &[u64], workers: usize) -> (Vec<Range<usize>>, bool) {
        let Cut { pieces, in_place } = cut(&vec![PLAIN; passes], Cost::LastTime(costs), workers, USUAL);
        (pieces.into_iter().map(|piece| piece.positions).collect(), in_place)
    }

    #[test]
    fn a_small_frame_is_recorded_in_place() {
        assert_eq!(frame(3, &[], 8), (vec![0..3], true));
        assert_eq!(frame(0, &[], 8), (vec![], true));
        assert_eq!(frame(2, &[9_000, 9_000], 8), (vec![0..2], true));
    }

    #[test]
    fn nothing_is_recorded_in_place_by_who_does_not_want_it() {
        assert!(!cut(&[PLAIN; 2], Cost::LastTime(&[9, 9]), 8, Duration::ZERO).in_place);
        assert!(!cut(&[PLAIN; 2], Cost::Guess, 8, Duration::ZERO).in_place);
    }

    #[test]
    fn what_may_take_long_in_place_is_one_piece_all_the_same() {
        let plan = [PLAIN, PLAIN, PLAIN];
        let Cut { pieces, in_place } = cut(&plan, Cost::LastTime(&[2_000_000; 3]), 4, Duration::from_secs(1));
        assert_eq!((pieces.len(), in_place), (1, true));
        let parallel = [Position { batch: 0, kind: Kind::Parallel(Some(100_000)) }];
        let Cut { pieces, in_place } = cut(&parallel, Cost::LastTime(&[9_000_000]), 4, Duration::from_secs(1));
        assert_eq!((pieces.len(), in_place), (1, true));
    }

    #[test]
    fn the_first_time_every_worker_gets_a_share() {
        assert_eq!(frame(8, &[], 4), (vec![0..2, 2..4, 4..6, 6..8], false));
    }

    #[test]
    fn a_graph_that_is_recorded_once_is_cut_by_a_guess() {
        assert!(cut(&[PLAIN; 8], Cost::Guess, 4, USUAL).in_place);
        assert_eq!(cut(&[PLAIN; 40], Cost::Guess, 4, USUAL).pieces.len(), 2);
    }

    #[test]
    fn what_is_long_and_cannot_be_split_is_a_task_all_the_same() {
        assert_eq!(frame(1, &[900_000], 4), (vec![0..1], false));
    }

    #[test]
    fn measured_costs_balance_the_tasks_and_limit_their_number() {
        let costs = [300_000, 10_000, 10_000, 280_000];
        assert_eq!(frame(4, &costs, 2).0, [0..1, 1..4]);
        assert_eq!(frame(4, &[10_000; 4], 16).0.len(), 1, "40 us is one task's worth");
    }

    #[test]
    fn a_batch_is_a_border() {
        let plan: Vec<_> = (0..6).map(|at| Position { batch: at / 2, kind: Kind::Plain }).collect();
        let Cut { pieces, in_place } = cut(&plan, Cost::LastTime(&[1; 6]), 4, USUAL);
        let cut: Vec<_> = pieces.into_iter().map(|piece| (piece.batch, piece.positions)).collect();
        assert_eq!((cut, in_place), (vec![(0, 0..2), (1, 2..4), (2, 4..6)], false));
    }

    #[test]
    fn a_pass_that_waits_has_a_task_of_its_own() {
        let plan = [PLAIN, Position { batch: 0, kind: Kind::Alone }, PLAIN];
        let pieces = cut(&plan, Cost::LastTime(&[1; 3]), 4, USUAL).pieces;
        assert_eq!(pieces.into_iter().map(|piece| piece.positions).collect::<Vec<_>>(), [0..1, 1..2, 2..3]);
    }

    #[test]
    fn a_parallel_pass_is_split_by_its_cost_among_the_workers() {
        let count = |items, cost: &[u64], workers| {
            let plan = [Position { batch: 0, kind: Kind::Parallel(items) }];
            cut(&plan, Cost::LastTime(cost), workers, USUAL).pieces.len()
        };
        assert_eq!(count(Some(10), &[], 16), 1, "ten draws are not worth a second task");
        assert_eq!(count(Some(100_000), &[], 16), 48, "9 ms guessed, in shares of 0.2 ms at most, 16 at a time");
        assert_eq!(count(Some(1_000_000), &[], 16), 464, "90 ms");
        assert_eq!(count(Some(1_000_000), &[1_200_000], 16), 12, "measured: 1.2 ms in shares of 0.1 ms");
        assert_eq!(count(Some(3), &[9_000_000], 16), 3, "no share is empty");
        assert_eq!(count(None, &[], 16), 16, "who knows");
        assert_eq!(count(None, &[400_000], 16), 4);
        assert_eq!(count(Some(0), &[], 4), 1);
        assert_eq!(count(Some(100_000), &[], 1), 13, "alone, in shares of 0.7 ms");
    }

    #[test]
    fn shares_cover_all_items_once() {
        for items in [0, 1, 7, 1000, usize::MAX] {
            for of in 1..20 {
                let ranges: Vec<_> = (0..of).map(|index| Share { index, of }.range(items)).collect();
                assert_eq!((ranges[0].start, ranges[of - 1].end), (0, items));
                assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            }
        }
    }

    #[test]
    fn every_pass_is_in_exactly_one_range() {
        for passes in 0..40 {
            for workers in 1..9 {
                let costs: Vec<_> = (0..passes as u64).map(|i| (i * 7919) % 90_000).collect();
                let (ranges, _) = frame(passes, &costs, workers);
                assert!(ranges.len() <= workers);
                let flat: Vec<_> = ranges.into_iter().flatten().collect();
                assert_eq!(flat, (0..passes).collect::<Vec<_>>());
            }
        }
    }
}
