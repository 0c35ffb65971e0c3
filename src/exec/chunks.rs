//! How a plan's passes are cut into recording tasks.

use std::{ops::Range, time::Duration};

/// What is recorded in place unless told otherwise: one task's worth, for which whoever polls would only wait.
pub(crate) const IN_PLACE_BELOW: Duration = TASK;
/// A recording task's size, some hundred times what spawning it costs.
const TASK: Duration = Duration::from_micros(100);
/// Frames that are guessed to cost less are one task also the first time.
const FEW: Duration = Duration::from_micros(20);
/// What a pass is taken to cost before it was ever measured.
const UNMEASURED: Duration = Duration::from_micros(5);

/// The cut: contiguous ranges of plan positions, and whether to record them in place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) ranges: Vec<Range<usize>>,
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

/// Cuts `passes` passes for at most `workers` tasks of about equal cost. What makes one task and costs less than
/// `in_place_below` is recorded in place.
pub(crate) fn cut(passes: usize, cost: Cost<'_>, workers: usize, in_place_below: Duration) -> Cut {
    let measured = match cost {
        Cost::LastTime(costs) if costs.len() == passes => Some(costs),
        _ => None,
    };
    let of = |pass: usize| measured.map_or(UNMEASURED.as_nanos() as u64, |costs| costs[pass].max(1));
    let total: u64 = (0..passes).map(of).sum();
    let cheap = u128::from(total) < in_place_below.as_nanos();
    let first_time = matches!(cost, Cost::LastTime(_)) && measured.is_none();
    let tasks = match first_time {
        // A guess of a few microseconds a pass is not worth a task for each of them; more may be: one a worker.
        true if total > FEW.as_nanos() as u64 => workers,
        true => 1,
        false => total.div_ceil(TASK.as_nanos() as u64) as usize,
    };
    let tasks = tasks.clamp(1, workers.max(1)).min(passes.max(1));
    Cut { ranges: by_cost(passes, tasks, total, of), in_place: tasks == 1 && cheap }
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
#[expect(clippy::single_range_in_vec_init, reason = "lists of ranges, some of one")]
mod tests {
    use super::*;

    const USUAL: Duration = Duration::from_micros(100);

    fn frame(passes: usize, costs: &[u64], workers: usize) -> Cut {
        cut(passes, Cost::LastTime(costs), workers, USUAL)
    }

    #[test]
    fn a_small_frame_is_recorded_in_place() {
        assert_eq!(frame(3, &[], 8), Cut { ranges: vec![0..3], in_place: true });
        assert_eq!(frame(0, &[], 8), Cut { ranges: vec![0..0], in_place: true });
        assert_eq!(frame(2, &[9_000, 9_000], 8), Cut { ranges: vec![0..2], in_place: true });
    }

    #[test]
    fn nothing_is_recorded_in_place_by_who_does_not_want_it() {
        assert_eq!(cut(2, Cost::LastTime(&[9, 9]), 8, Duration::ZERO), Cut { ranges: vec![0..2], in_place: false });
        assert_eq!(cut(2, Cost::Guess, 8, Duration::ZERO), Cut { ranges: vec![0..2], in_place: false });
    }

    #[test]
    fn the_first_time_every_worker_gets_a_share() {
        assert_eq!(frame(8, &[], 4), Cut { ranges: vec![0..2, 2..4, 4..6, 6..8], in_place: false });
    }

    #[test]
    fn a_graph_that_is_recorded_once_is_cut_by_a_guess() {
        assert_eq!(cut(8, Cost::Guess, 4, USUAL), Cut { ranges: vec![0..8], in_place: true });
        assert_eq!(cut(40, Cost::Guess, 4, USUAL).ranges.len(), 2);
    }

    #[test]
    fn what_is_long_and_cannot_be_split_is_a_task_all_the_same() {
        assert_eq!(frame(1, &[900_000], 4), Cut { ranges: vec![0..1], in_place: false });
    }

    #[test]
    fn measured_costs_balance_the_tasks_and_limit_their_number() {
        let costs = [300_000, 10_000, 10_000, 280_000];
        assert_eq!(frame(4, &costs, 2).ranges, [0..1, 1..4]);
        assert_eq!(frame(4, &[10_000; 4], 16).ranges, [0..4], "40 us is one task's worth");
    }

    #[test]
    fn every_pass_is_in_exactly_one_range() {
        for passes in 0..40 {
            for workers in 1..9 {
                let costs: Vec<_> = (0..passes as u64).map(|i| (i * 7919) % 90_000).collect();
                let ranges = frame(passes, &costs, workers).ranges;
                assert!(ranges.len() <= workers);
                let flat: Vec<_> = ranges.into_iter().flatten().collect();
                assert_eq!(flat, (0..passes).collect::<Vec<_>>());
            }
        }
    }
}
