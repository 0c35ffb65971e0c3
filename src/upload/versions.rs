//! Which of several versions is written next.

use std::collections::VecDeque;

/// The versions that nobody writes just now, the one published longest ago first.
#[derive(Debug)]
pub(super) struct Versions(VecDeque<usize>);

impl Versions {
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    /// The version that was published longest ago, to be written.
    pub(super) fn take(&mut self) -> Option<usize> {
        self.0.pop_front()
    }

    /// A version was written, and is the newest now.
    pub(super) fn publish(&mut self, version: usize) {
        self.0.push_back(version);
    }

    /// A version is back that was not written, or that nobody was told of: nobody misses it if it is next.
    pub(super) fn give_back(&mut self, version: usize) {
        self.0.push_front(version);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_turn() {
        let mut versions = Versions::new(3);
        let turns: Vec<_> =
            (0..7).filter_map(|_| versions.take().inspect(|&version| versions.publish(version))).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn the_newest_is_last_also_where_writes_end_in_another_order() {
        let mut versions = Versions::new(3);
        let (first, second) = (versions.take().expect("free"), versions.take().expect("free"));
        versions.publish(second);
        versions.publish(first);
        assert_eq!([versions.take(), versions.take(), versions.take()], [Some(2), Some(second), Some(first)]);
        assert_eq!(versions.take(), None, "all are being written");
    }

    #[test]
    fn what_was_given_up_is_written_before_what_somebody_may_still_read() {
        let mut versions = Versions::new(3);
        for _ in 0..2 {
            let version = versions.take().expect("free");
            versions.publish(version);
        }
        for _ in 0..5 {
            let version = versions.take().expect("free");
            assert_eq!(version, 2);
            versions.give_back(version);
        }
    }
}
