//! Which upload is next: the one whose patience ends first.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How urgent an upload is. A less urgent one waits longer while there are others, but not for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Priority {
    /// A frame that is about to be submitted needs it.
    Frame,
    /// It goes before uploads that are less urgent and came at most 5 ms earlier.
    #[default]
    Normal,
    /// A load in the background: others that came up to 50 ms later go before each piece of it.
    Bulk,
}

impl Priority {
    /// How much later than it came an upload counts as if it had come.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Frame => Duration::ZERO,
            Self::Normal => Duration::from_millis(5),
            Self::Bulk => Duration::from_millis(50),
        }
    }
}

/// What waits, in the order of arrival within each priority.
pub(super) struct Queue<T> {
    waiting: [VecDeque<(Instant, T)>; 3],
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { waiting: Default::default() }
    }
}

const ALL: [Priority; 3] = [Priority::Frame, Priority::Normal, Priority::Bulk];

impl<T> Queue<T> {
    /// Adds what came at that time, behind what came before or with it.
    pub(super) fn push(&mut self, came: Instant, priority: Priority, item: T) {
        let waiting = &mut self.waiting[priority as usize];
        // All but those that had to step back come in order.
        let behind = waiting.iter().rev().take_while(|(other, _)| *other > came).count();
        waiting.insert(waiting.len() - behind, (came, item));
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.iter().map(VecDeque::len).sum()
    }

    /// Drops what `keep` is false for.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.waiting.iter_mut().for_each(|waiting| waiting.retain(|(_, item)| keep(item)));
    }

    /// Takes the first of this priority.
    pub(super) fn pop_of(&mut self, priority: Priority) -> Option<T> {
        self.waiting[priority as usize].pop_front().map(|(_, item)| item)
    }

    /// What is next.
    pub(super) fn first(&self) -> Option<&T> {
        let priority = self.next()?;
        self.waiting[priority as usize].front().map(|(_, item)| item)
    }

    /// Takes what is next.
    pub(super) fn pop(&mut self) -> Option<T> {
        let priority = self.next()?;
        self.pop_of(priority)
    }

    /// Whether something of this priority waits.
    pub(super) fn has(&self, priority: Priority) -> bool {
        !self.waiting[priority as usize].is_empty()
    }

    fn next(&self) -> Option<Priority> {
        let deadline =
            |priority: Priority| self.waiting[priority as usize].front().map(|(came, _)| *came + priority.patience());
        ALL.into_iter().filter(|&priority| self.has(priority)).min_by_key(|&priority| deadline(priority))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).collect()
    }

    #[test]
    fn the_urgent_go_first_and_equals_in_the_order_they_came() {
        let (now, mut queue) = (Instant::now(), Queue::default());
        for (item, priority) in
            [(1, Priority::Bulk), (2, Priority::Normal), (3, Priority::Frame), (4, Priority::Normal)]
        {
            queue.push(now, priority, item);
        }
        assert!(queue.has(Priority::Bulk));
        assert_eq!(queue.first(), Some(&3));
        assert_eq!(drain(&mut queue), [3, 2, 4, 1]);
        assert!(!queue.has(Priority::Bulk));
    }

    #[test]
    fn who_steps_back_keeps_its_place() {
        let (now, mut queue) = (Instant::now(), Queue::default());
        queue.push(now, Priority::Normal, 1);
        queue.push(now + Duration::from_millis(2), Priority::Normal, 3);
        queue.push(now + Duration::from_millis(1), Priority::Normal, 2);
        queue.push(now + Duration::from_millis(2), Priority::Normal, 4);
        assert_eq!(queue.len(), 4);
        queue.retain(|&item| item != 3);
        assert_eq!(drain(&mut queue), [1, 2, 4]);
    }

    #[test]
    fn who_has_waited_long_enough_goes_before_the_urgent() {
        let (now, mut queue) = (Instant::now(), Queue::default());
        queue.push(now, Priority::Bulk, 1);
        queue.push(now + Duration::from_millis(49), Priority::Frame, 2);
        queue.push(now + Duration::from_millis(51), Priority::Frame, 3);
        queue.push(now + Duration::from_millis(40), Priority::Normal, 4);
        assert_eq!(drain(&mut queue), [4, 2, 1, 3]);
    }

    #[test]
    fn nothing_waits_for_ever_behind_a_stream_of_urgent_ones() {
        let (start, mut queue) = (Instant::now(), Queue::default());
        queue.push(start, Priority::Bulk, u32::MAX);
        let mut before = 0;
        for millisecond in 0..1000 {
            queue.push(start + Duration::from_millis(millisecond), Priority::Frame, 0);
            if queue.pop() == Some(u32::MAX) {
                break;
            }
            before += 1;
        }
        assert_eq!(before, 51, "one a millisecond, until its 50 ms are over");
    }
}
