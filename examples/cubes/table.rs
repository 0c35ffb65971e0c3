//! Figures as a table on stdout, and as JSON.

use std::{
    fmt::{Display, Write as _},
    io::Write as _,
};

use serde::Serialize;

use crate::report::Percentiles;

/// A name and a value in each row.
#[derive(Default)]
pub(crate) struct Table(String);

impl Table {
    pub(crate) fn row(&mut self, name: &str, value: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "  {name:<34}{value}");
    }

    pub(crate) fn print(self) {
        // Nobody reading the table is no reason to fail.
        let _ = std::io::stdout().write_all(self.0.as_bytes());
    }
}

/// The JSON, with a newline at its end.
pub(crate) fn json(figures: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(figures).map(|text| text + "\n")
}

/// Where there are none, the reason why.
pub(crate) fn times(times: Option<Percentiles>, none: &str) -> String {
    match times {
        Some(Percentiles { p50, p95, p99 }) => format!("median {p50:.3} ms, p95 {p95:.3} ms, p99 {p99:.3} ms"),
        None => format!("not measured: {none}"),
    }
}

pub(crate) const NO_TIMESTAMPS: &str = "the device has no timestamps";

pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
