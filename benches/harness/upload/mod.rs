//! The upload bench's sections, and the hand-written side of them.

pub(crate) mod bulk;
pub(crate) mod hand;
pub(crate) mod imported;
pub(crate) mod latency;
pub(crate) mod read;
pub(crate) mod small;
pub(crate) mod table;

use std::time::{Duration, Instant};

use super::pairs::Limits;

/// How much is moved, and how often.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    /// Bytes of a bulk copy.
    pub(crate) bytes: usize,
    pub(crate) limits: Limits,
}

/// Microseconds since `start`.
pub(crate) fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6
}

/// Gigabytes (10^9 bytes) a second.
pub(crate) fn rate(bytes: usize, micros: f64) -> f64 {
    bytes as f64 / micros / 1e3
}

/// Bytes of which no two neighbouring ones are equal, other ones for each seed.
pub(crate) fn pattern(seed: usize, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at * 31 + at / 251 + seed) as u8).collect()
}

/// At least nine pairs, unless it is a smoke run.
pub(crate) fn limits(quick: bool) -> Limits {
    match quick {
        true => Limits { pairs: 3, time: Duration::from_secs(1), least: 2 },
        false => Limits { pairs: 41, time: Duration::from_secs(3), least: 9 },
    }
}
