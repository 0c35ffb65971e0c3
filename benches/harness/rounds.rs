//! Rounds: in each, every side runs once with every number of workers, so that what drifts hits all of them; ratios are
//! taken within a round.

use super::{hand_record::Technique, our_record::How, pairs::quantile};

/// What runs in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Hand(Technique),
    Ours(How),
    /// The control.
    Alu,
}

/// Nanoseconds of what ran: one column a side and number of workers, one entry a round.
#[derive(Default)]
pub(crate) struct Rounds {
    columns: Vec<(Side, usize, Vec<f64>)>,
}

impl Rounds {
    pub(crate) fn push(&mut self, side: Side, workers: usize, time: f64) {
        match self.columns.iter_mut().find(|column| (column.0, column.1) == (side, workers)) {
            Some((.., times)) => times.push(time),
            None => self.columns.push((side, workers, vec![time])),
        }
    }

    /// Empty if it never ran.
    pub(crate) fn times(&self, side: Side, workers: usize) -> &[f64] {
        let found = self.columns.iter().find(|column| (column.0, column.1) == (side, workers));
        found.map_or(&[], |(.., times)| times)
    }

    pub(crate) fn median(&self, side: Side, workers: usize) -> f64 {
        quantile(self.times(side, workers), 0.5)
    }

    pub(crate) fn quartiles(&self, side: Side, workers: usize) -> [f64; 3] {
        quartiles(self.times(side, workers))
    }

    /// By hand, the technique that is faster with so many workers.
    pub(crate) fn best_by_hand(&self, workers: usize) -> Side {
        let [one, other] = [Technique::Secondaries, Technique::Suspended].map(Side::Hand);
        if self.median(one, workers) < self.median(other, workers) { one } else { other }
    }

    /// Quartiles of `side`'s time over `base`'s.
    pub(crate) fn ratio(&self, side: (Side, usize), base: (Side, usize)) -> [f64; 3] {
        quartiles(&self.ratios(side, base))
    }

    /// Quartiles of one speed-up over another. A speed-up is given as (few workers, many).
    pub(crate) fn ratio_of_speed_ups(&self, one: [(Side, usize); 2], other: [(Side, usize); 2]) -> [f64; 3] {
        let [one, other] = [one, other].map(|[few, many]| self.ratios(few, many));
        quartiles(&one.iter().zip(&other).map(|(one, other)| one / other).collect::<Vec<_>>())
    }

    fn ratios(&self, side: (Side, usize), base: (Side, usize)) -> Vec<f64> {
        let (side, base) = (self.times(side.0, side.1), self.times(base.0, base.1));
        side.iter().zip(base).map(|(side, base)| side / base).collect()
    }
}

fn quartiles(values: &[f64]) -> [f64; 3] {
    [0.25, 0.5, 0.75].map(|part| quantile(values, part))
}
