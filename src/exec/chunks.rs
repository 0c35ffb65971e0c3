//! How a plan's passes are cut into recording tasks.

use std::{ops::Range, time::Duration};

/// Below this, spawning a task costs more than it saves: recorded in place.
const INLINE_BELOW: Duration = Duration::from_micros(20);
/// A recording task's size, some hundred times what spawning it costs.
const TASK: Duration = Duration::from_micros(100);
/// What a pass is taken to cost before it was ever measured.
const UNMEASURED: Duration = Duration::from_micros(5);

/// The cut: contiguous ranges of plan positions, and whether to record them in place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) ranges: Vec<Range<usize>>,
    pub(crate) in_place: bool,
}

/// Cuts `passes` passes for at most `workers` tasks of about equal cost. `measured` is what each cost last time, in
/// nanoseconds; it counts only if it is of as many passes. `None`: a graph that is recorded once, and never measured.
pub(crate) fn cut(passes: usize, measured: Option<&[u64]>, workers: usize) -> Cut {
    let known = measured.filter(|measured| measured.len() == passes);
    let cost = |pass: usize| known.map_or(UNMEASURED.as_nanos() as u64, |costs| costs[pass].max(1));
    let total: u64 = (0..passes).map(cost).sum();
    let small = total < INLINE_BELOW.as_nanos() as u64;
    let first_time = measured.is_some() && known.is_none();
    let tasks = match (small, first_time) {
        (true, _) => 1,
        (false, true) => workers, // one a worker
        (false, false) => total.div_ceil(TASK.as_nanos() as u64) as usize,
    };
    let tasks = tasks.clamp(1, workers.max(1)).min(passes.max(1));
    // One task's worth is not worth a task: whoever polls would only wait for it. What is much longer is, so that its
    // poller can do something else.
    let in_place = tasks == 1 && total <= TASK.as_nanos() as u64;
    Cut { ranges: by_cost(passes, tasks, total, cost), in_place }
}

fn by_cost(passes: usize, tasks: usize, total: u64, cost: impl Fn(usize) -> u64) -> Vec<Range<usize>> {
    let mut ranges = Vec::with_capacity(tasks);
    let (mut start, mut sum) = (0, 0);
    for pass in 0..passes {
        sum += cost(pass);
        // A range ends where its share of the total is reached.
        let share = u128::from(total) * (ranges.len() as u128 + 1) / tasks as u128;
        if u128::from(sum) >= share && ranges.len() + 1 < tasks {
            ranges.push(start..pass + 1);
            start = pass + 1;
        }
    }
    if start < passes || ranges.is_empty() {
        ranges.push(start..passes);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_frame_is_recorded_in_place() {
        assert_eq!(cut(3, Some(&[]), 8), Cut { ranges: vec![0..3], in_place: true });
        assert_eq!(cut(0, Some(&[]), 8), Cut { ranges: vec![0..0], in_place: true });
        assert_eq!(cut(2, Some(&[9_000, 9_000]), 8).in_place, true);
    }

    #[test]
    fn the_first_time_every_worker_gets_a_share() {
        assert_eq!(cut(8, Some(&[]), 4), Cut { ranges: vec![0..2, 2..4, 4..6, 6..8], in_place: false });
    }

    #[test]
    fn a_graph_that_is_recorded_once_is_cut_by_a_guess() {
        assert_eq!(cut(8, None, 4), Cut { ranges: vec![0..8], in_place: true });
        assert_eq!(cut(40, None, 4).ranges.len(), 2);
    }

    #[test]
    fn what_is_long_and_cannot_be_split_is_a_task_all_the_same() {
        assert_eq!(cut(1, Some(&[900_000]), 4), Cut { ranges: vec![0..1], in_place: false });
    }

    #[test]
    fn measured_costs_balance_the_tasks_and_limit_their_number() {
        let costs = [300_000, 10_000, 10_000, 280_000];
        assert_eq!(cut(4, Some(&costs), 2).ranges, [0..1, 1..4]);
        assert_eq!(cut(4, Some(&[10_000; 4]), 16).ranges, [0..4], "40 us is one task's worth");
    }

    #[test]
    fn every_pass_is_in_exactly_one_range() {
        for passes in 0..40 {
            for workers in 1..9 {
                let costs: Vec<_> = (0..passes as u64).map(|i| (i * 7919) % 90_000).collect();
                let ranges = cut(passes, Some(&costs), workers).ranges;
                assert!(ranges.len() <= workers);
                let flat: Vec<_> = ranges.into_iter().flatten().collect();
                assert_eq!(flat, (0..passes).collect::<Vec<_>>());
            }
        }
    }
}
