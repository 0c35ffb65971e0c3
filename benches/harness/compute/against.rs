//! Rates of another program on the same device, from a file that it printed: tools/cuda_baseline.cu's.

use std::{collections::HashMap, fs};

use super::{super::Result, Case, Operation};

/// By the name of the case; GB/s or TFLOP/s, as the case's operation counts.
#[derive(Default)]
pub(crate) struct Against {
    rates: HashMap<String, f64>,
    /// Where they are from: the file's first line.
    pub(crate) machine: String,
}

impl Against {
    /// The file of `--against=FILE`, if that was given.
    pub(crate) fn from_arguments() -> Result<Self> {
        let path = std::env::args().find_map(|argument| argument.strip_prefix("--against=").map(str::to_owned));
        let Some(path) = path else { return Ok(Self::default()) };
        Self::parse(&fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?)
            .map_err(|error| format!("{path}: {error}").into())
    }

    /// Lines of `name | microseconds | rate | unit`; those that begin with `#` are notes.
    fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let mut this = Self {
            machine: lines.next().unwrap_or_default().trim_start_matches(['#', ' ']).to_owned(),
            ..Self::default()
        };
        for line in lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let parts: Vec<_> = line.split('|').map(str::trim).collect();
            let [name, _, rate, _] = parts[..] else {
                return Err(format!("`{line}` is not `name | microseconds | rate | unit`").into());
            };
            let rate = rate.parse().map_err(|_| format!("`{rate}` in `{line}` is no number"))?;
            this.rates.insert(name.to_owned(), rate);
        }
        Ok(this)
    }

    /// What is emulated is held against what it emulates.
    pub(crate) fn rate(&self, case: Case) -> Option<f64> {
        let operation = if case.operation == Operation::Emulated { Operation::Gemm } else { case.operation };
        let case = Case { operation, ..case };
        self.rates.get(&case.to_string()).copied()
    }
}
