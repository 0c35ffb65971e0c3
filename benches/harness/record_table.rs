//! The record bench's tables.

use super::{
    hand_record::Technique,
    our_record::How,
    rounds::{Rounds, Side},
};

const SECONDARIES: Side = Side::Hand(Technique::Secondaries);
const SUSPENDED: Side = Side::Hand(Technique::Suspended);
const OURS: Side = Side::Ours(How::Parallel);

/// Time or instructions, over raw ash with one worker.
pub(crate) const ONE_WORKER: f64 = 1.05;
/// The least share of raw ash's own speed-up that 16 workers are to reach.
const SHARES: [(usize, f64); 2] = [(1_000_000, 0.85), (100_000, 0.75)];
const GOAL_WORKERS: usize = 16;

/// Prints what the rounds came to.
pub(crate) fn print(rounds: &Rounds, workers: &[usize], draws: usize, with_ours: bool) {
    print_hand(rounds, workers, draws);
    if with_ours {
        print_ours(rounds, workers, draws);
        print_one_worker(rounds, draws);
    }
}

/// Both techniques and the control.
fn print_hand(rounds: &Rounds, workers: &[usize], draws: usize) {
    println!(
        "{:>7} {:>25} {:>25} {:>23} {:>9} {:>9} {:>9}",
        "workers", "secondaries ns/draw", "suspended ns/draw", "suspended/secondaries", "x second.", "x susp.", "x ALU"
    );
    for &count in workers {
        let [one, other] = [SECONDARIES, SUSPENDED].map(|side| spread(rounds, side, count, draws));
        let [low, ratio, high] = rounds.ratio((SUSPENDED, count), (SECONDARIES, count));
        let [second, susp, alu] = [SECONDARIES, SUSPENDED, Side::Alu].map(|side| speed_up(rounds, side, count));
        println!(
            "{count:>7} {one:>25} {other:>25} {:>23} {second:>9.2} {susp:>9.2} {alu:>9.2}",
            format!("{ratio:.3} ({low:.3}-{high:.3})")
        );
    }
}

fn print_ours(rounds: &Rounds, workers: &[usize], draws: usize) {
    println!(
        "{:>7} {:>25} {:>25} {:>23} {:>9} {:>9} {:>23}  goal",
        "workers",
        "best by hand ns/draw",
        "vulkio ns/draw",
        "vulkio/by hand",
        "x by hand",
        "x vulkio",
        "share of speed-up"
    );
    for &count in workers {
        let hand = rounds.best_by_hand(count);
        let [low, ratio, high] = rounds.ratio((OURS, count), (hand, count));
        let base = (rounds.best_by_hand(1), 1);
        let [least, share, most] = rounds.ratio_of_speed_ups([(OURS, 1), (OURS, count)], [base, (hand, count)]);
        println!(
            "{count:>7} {:>25} {:>25} {:>23} {:>9.2} {:>9.2} {:>23}  {}",
            spread(rounds, hand, count, draws),
            spread(rounds, OURS, count, draws),
            format!("{ratio:.3} ({low:.3}-{high:.3})"),
            speed_up(rounds, hand, count),
            speed_up(rounds, OURS, count),
            format!("{share:.3} ({least:.3}-{most:.3})"),
            share_verdict(share, count, draws),
        );
    }
}

fn print_one_worker(rounds: &Rounds, draws: usize) {
    for how in [How::Parallel, How::Record] {
        let [low, ratio, high] = rounds.ratio((Side::Ours(how), 1), (rounds.best_by_hand(1), 1));
        let verdict = if ratio <= ONE_WORKER { "met" } else { "MISSED" };
        println!(
            "one worker, {how:?}: {} ns/draw, {ratio:.3} of by hand ({low:.3}-{high:.3}), goal <= {ONE_WORKER} {verdict}",
            spread(rounds, Side::Ours(how), 1, draws)
        );
    }
}

/// The speed-up of `side`: by hand over the technique that is faster with one worker, else over its own.
fn speed_up(rounds: &Rounds, side: Side, workers: usize) -> f64 {
    let base = if matches!(side, Side::Hand(_)) { rounds.best_by_hand(1) } else { side };
    rounds.ratio((base, 1), (side, workers))[1]
}

fn share_verdict(share: f64, workers: usize, draws: usize) -> String {
    let goal = SHARES.into_iter().find(|&(of, _)| of == draws && workers == GOAL_WORKERS);
    goal.map_or_else(
        || "-".to_owned(),
        |(_, goal)| format!(">= {goal} {}", if share >= goal { "met" } else { "MISSED" }),
    )
}

/// Median and middle half, a draw.
fn spread(rounds: &Rounds, side: Side, workers: usize, draws: usize) -> String {
    let [low, middle, high] = rounds.quartiles(side, workers).map(|time| time / draws as f64);
    format!("{middle:.1} ({low:.1}-{high:.1})")
}
