//! What each queue is known to have waited for, so that no wait is made twice: vector clocks over timelines.

use std::collections::VecDeque;

use crate::{gpu::QueueId, sync::Stamp};

/// By queue: the last value on its timeline that is known to be reached.
type Clock = [u64; QueueId::MOST];

/// Submissions of a queue whose clocks are remembered. What is older counts as itself alone.
const REMEMBERED: usize = 32;

/// The clocks of all queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clocks {
    now: [Clock; QueueId::MOST],
    past: [VecDeque<(u64, Clock)>; QueueId::MOST],
}

impl Clocks {
    /// Of the stamps that work on `queue` must wait for, those that no other implies: one a queue, none of its own.
    pub(crate) fn needed(&self, queue: QueueId, stamps: impl Iterator<Item = Stamp>) -> Vec<Stamp> {
        let mut latest = [0; QueueId::MOST];
        for stamp in stamps {
            let value = &mut latest[stamp.queue.index()];
            *value = stamp.value.max(*value);
        }
        let known = self.now[queue.index()];
        let wanted = |other: usize| other != queue.index() && latest[other] > known[other];
        let implied = |other: usize| {
            let by =
                |third: usize| third != other && wanted(third) && self.at(third, latest[third])[other] >= latest[other];
            (0..QueueId::MOST).any(by)
        };
        let needed = (0..QueueId::MOST).filter(|&other| wanted(other) && !implied(other));
        needed.map(|other| Stamp { queue: QueueId(other as u8), value: latest[other] }).collect()
    }

    /// Work was given `stamp` after `waits`.
    pub(crate) fn advance(&mut self, stamp: Stamp, waits: &[Stamp]) {
        let mut clock = self.now[stamp.queue.index()];
        for wait in waits {
            let theirs = self.at(wait.queue.index(), wait.value);
            clock.iter_mut().zip(theirs).for_each(|(mine, theirs)| *mine = theirs.max(*mine));
        }
        // What is waited for on the queue itself is before it anyway; a later one is not.
        clock[stamp.queue.index()] = stamp.value;
        self.now[stamp.queue.index()] = clock;
        let past = &mut self.past[stamp.queue.index()];
        if past.len() == REMEMBERED {
            past.pop_front();
        }
        past.push_back((stamp.value, clock));
    }

    /// Work that was given `first` and later values on `queue` was not submitted.
    pub(crate) fn take_back(&mut self, queue: QueueId, first: u64) {
        let past = &mut self.past[queue.index()];
        while past.back().is_some_and(|(at, _)| *at >= first) {
            past.pop_back();
        }
        self.now[queue.index()] = past.back().map_or([0; QueueId::MOST], |&(_, clock)| clock);
    }

    /// What `queue` had waited for at `value`, itself included.
    fn at(&self, queue: usize, value: u64) -> Clock {
        let before = self.past[queue].iter().rev().find(|(at, _)| *at <= value);
        let mut clock = before.map_or([0; QueueId::MOST], |&(_, clock)| clock);
        clock[queue] = value;
        clock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(queue: u8, value: u64) -> Stamp {
        Stamp { queue: QueueId(queue), value }
    }

    #[test]
    fn a_queue_waits_once_for_the_latest_value_of_another() {
        let mut clocks = Clocks::default();
        let all = [stamp(1, 4), stamp(2, 9), stamp(1, 7), stamp(0, 3)];
        let waits = clocks.needed(QueueId(0), all.into_iter());
        assert_eq!(waits, [stamp(1, 7), stamp(2, 9)], "none for itself");
        clocks.advance(stamp(0, 4), &waits);
        assert_eq!(clocks.needed(QueueId(0), all.into_iter()), []);
        assert_eq!(clocks.needed(QueueId(0), [stamp(1, 8)].into_iter()), [stamp(1, 8)]);
    }

    #[test]
    fn a_wait_that_another_wait_implies_is_not_made() {
        let mut clocks = Clocks::default();
        clocks.advance(stamp(2, 1), &[]);
        clocks.advance(stamp(1, 1), &[stamp(2, 1)]);
        assert_eq!(clocks.needed(QueueId(0), [stamp(1, 1), stamp(2, 1)].into_iter()), [stamp(1, 1)]);
        clocks.advance(stamp(0, 1), &[stamp(1, 1)]);
        assert_eq!(clocks.needed(QueueId(0), [stamp(2, 1)].into_iter()), [], "known through the other");
        assert_eq!(clocks.needed(QueueId(0), [stamp(2, 2)].into_iter()), [stamp(2, 2)]);
    }

    #[test]
    fn a_submission_that_failed_has_waited_for_nothing() {
        let mut clocks = Clocks::default();
        clocks.advance(stamp(0, 1), &[stamp(1, 1)]);
        clocks.advance(stamp(0, 2), &[stamp(1, 2)]);
        clocks.take_back(QueueId(0), 2);
        assert_eq!(clocks.needed(QueueId(0), [stamp(1, 2)].into_iter()), [stamp(1, 2)]);
        assert_eq!(clocks.needed(QueueId(0), [stamp(1, 1)].into_iter()), []);
    }

    #[test]
    fn what_is_long_past_implies_itself_alone() {
        let mut clocks = Clocks::default();
        clocks.advance(stamp(2, 1), &[]);
        clocks.advance(stamp(1, 1), &[stamp(2, 1)]);
        (2..3 + REMEMBERED as u64).for_each(|value| clocks.advance(stamp(1, value), &[]));
        let both = [stamp(1, 1), stamp(2, 1)];
        assert_eq!(clocks.needed(QueueId(0), both.into_iter()), both);
    }
}
