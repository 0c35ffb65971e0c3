//! The table of rates, and that of plain figures.

use super::super::pairs::Summary;

/// What a ratio should be at least; `None` if it is only reported.
pub(crate) type AtLeast = Option<f64>;

pub(crate) fn print_header(section: &str) {
    println!("\n{section}");
    println!(
        "  {:<44} {:>12} {:>12} {:>7} {:>12} {:>6}  goal",
        "against", "by hand GB/s", "vulkio GB/s", "ratio", "middle half", "pairs"
    );
}

/// A row of rates; a ratio of more than 1 is faster than by hand.
pub(crate) fn print_rates(against: &str, summary: &Summary, goal: AtLeast) {
    let Summary { by_hand, ours, ratio: [low, ratio, high], pairs } = *summary;
    let middle = format!("{low:.2}-{high:.2}");
    let verdict = match goal {
        Some(least) if ratio >= least => format!(">= {least:.2} met"),
        Some(least) => format!(">= {least:.2} MISSED"),
        None => "-".to_owned(),
    };
    println!("  {against:<44} {by_hand:>12.2} {ours:>12.2} {ratio:>7.3} {middle:>12} {pairs:>6}  {verdict}");
}

/// What a figure should be at most, said beside it.
pub(crate) fn at_most(value: f64, most: f64) -> String {
    let verdict = if value <= most { "met" } else { "MISSED" };
    format!("<= {most} {verdict}")
}
