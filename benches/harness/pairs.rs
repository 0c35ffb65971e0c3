//! Interleaved pairs: one run by hand, one of ours, again and again; and the table of what came out.
//!
//! A ratio is taken within each pair, so that what drifts (clocks, other programs) hits both of its sides. What counts
//! is the median of the pairs' ratios; medians of the two sides stand beside it to say what it is a ratio of.

use std::time::{Duration, Instant};

/// How long to go on.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) pairs: usize,
    pub(crate) time: Duration,
    /// Pairs to take although the time is over.
    pub(crate) least: usize,
}

/// The pairs of one row, for `N` measures each.
pub(crate) struct Pairs<const N: usize> {
    limits: Limits,
    start: Instant,
    by_hand: Vec<[f64; N]>,
    ours: Vec<[f64; N]>,
}

impl<const N: usize> Pairs<N> {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, start: Instant::now(), by_hand: Vec::new(), ours: Vec::new() }
    }

    /// Whether to take another pair.
    pub(crate) fn more(&self) -> bool {
        let Limits { pairs, time, least } = self.limits;
        let taken = self.ours.len();
        taken < least || taken < pairs && self.start.elapsed() < time
    }

    pub(crate) fn push(&mut self, by_hand: [f64; N], ours: [f64; N]) {
        self.by_hand.push(by_hand);
        self.ours.push(ours);
    }

    /// The summary of one measure.
    pub(crate) fn summary(&self, measure: usize) -> Summary {
        let column = |side: &[[f64; N]]| side.iter().map(|sample| sample[measure]).collect::<Vec<_>>();
        let (by_hand, ours) = (column(&self.by_hand), column(&self.ours));
        let ratios: Vec<_> = ours.iter().zip(&by_hand).map(|(ours, by_hand)| ours / by_hand).collect();
        Summary {
            by_hand: quantile(&by_hand, 0.5),
            ours: quantile(&ours, 0.5),
            ratio: [0.25, 0.5, 0.75].map(|part| quantile(&ratios, part)),
            pairs: ratios.len(),
        }
    }
}

/// Medians of both sides, and quartiles of the pairs' ratios.
#[derive(Clone, Copy)]
pub(crate) struct Summary {
    /// Microseconds.
    pub(crate) by_hand: f64,
    /// Microseconds.
    pub(crate) ours: f64,
    /// Lower quartile, median, upper quartile.
    pub(crate) ratio: [f64; 3],
    pub(crate) pairs: usize,
}

/// The value that the share `part` of `values` lies below. Not a number if there are none.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len().saturating_sub(1)) as f64 * part;
    sorted.get(index.round() as usize).copied().unwrap_or(f64::NAN)
}

/// What a ratio should be.
#[derive(Clone, Copy)]
pub(crate) struct Goal(pub(crate) Option<f64>);

impl Goal {
    /// Said, never asserted: a bench measures, and a miss is a result.
    fn verdict(self, ratio: f64) -> String {
        match self.0 {
            Some(most) if ratio <= most => format!("<= {most:.2} met"),
            Some(most) => format!("<= {most:.2} MISSED"),
            None => "-".to_owned(),
        }
    }
}

/// A plain table, printed row by row.
pub(crate) fn print_header(what: &str) {
    println!(
        "{what:<44} {:<13} {:>10} {:>10} {:>7} {:>13} {:>6}  goal",
        "measure", "by hand us", "vulkio us", "ratio", "middle half", "pairs"
    );
}

pub(crate) fn print_row(what: &str, measure: &str, summary: &Summary, goal: Goal) {
    let Summary { by_hand, ours, ratio: [low, ratio, high], pairs } = *summary;
    let middle = format!("{low:.2}-{high:.2}");
    let verdict = goal.verdict(ratio);
    println!("{what:<44} {measure:<13} {by_hand:>10.2} {ours:>10.2} {ratio:>7.3} {middle:>13} {pairs:>6}  {verdict}");
}
