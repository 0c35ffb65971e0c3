//! The record bench's control: arithmetic alone, cut in equal parts for the threads of a team.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use super::team::Team;

/// Steps for each draw that it stands beside, each depending on the one before: about a draw's time.
const STEPS: usize = 64;

/// The time that `threads` threads take for `draws` draws' worth of steps, which they share.
pub(crate) fn time(team: &mut Team, threads: usize, draws: usize) -> Duration {
    team.run(threads, |_| ());
    let start = Instant::now();
    team.run(threads, |thread| steps(thread, draws * STEPS / threads));
    start.elapsed()
}

fn steps(seed: usize, count: usize) {
    let mut state = black_box(seed as u64 | 1);
    for _ in 0..count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    }
    black_box(state);
}
