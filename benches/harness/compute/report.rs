//! What the bench found out, as rows: printed, and written as a table.

use std::{fmt::Write as _, fs, path::Path};

use super::{super::Result, Case, Operation};

/// Of a technique with a batch of dispatches of 64 KiB.
#[derive(Clone, Debug)]
pub(crate) struct CpuRow {
    pub(crate) technique: &'static str,
    /// And how long the reactor spins.
    pub(crate) runtime: String,
    pub(crate) batch: usize,
    /// A dispatch's microseconds: wall, the caller's CPU, the process's CPU.
    pub(crate) micros: [f64; 3],
    pub(crate) submits: f64,
    /// CPU (the process's; on a CPU driver the caller's) to that of a graph each.
    pub(crate) to_each: f64,
    /// And to that of one command buffer by hand.
    pub(crate) to_hand: f64,
    /// Whether the goals speak of it.
    pub(crate) goal: bool,
}

impl CpuRow {
    pub(crate) fn print(&self) {
        let Self { technique, batch, micros: [wall, _, process], submits, to_each, to_hand, .. } = self;
        let caller = self.caller();
        println!(
            "{technique:<36} {batch:>5} {wall:>9.3} {caller:>9} {process:>9.3} {submits:>9.4} {to_each:>11.3} {to_hand:>9.3}"
        );
    }

    /// One line of the table.
    fn line(&self) -> String {
        let Self { technique, runtime, batch, micros: [wall, _, process], submits, to_each, to_hand, .. } = self;
        let caller = self.caller();
        format!(
            "| {technique} | {runtime} | {batch} | {wall:.3} | {caller} | {process:.3} | {submits:.4} | {to_each:.3} | {to_hand:.3} |"
        )
    }

    /// The caller's CPU, where there is one caller.
    fn caller(&self) -> String {
        let caller = self.micros[1];
        if caller.is_nan() { "-".to_owned() } else { format!("{caller:.3}") }
    }
}

/// Of a case of the matrix; what stands for one dispatch is the batch's figure over its size.
#[derive(Clone, Debug)]
pub(crate) struct CaseRow {
    pub(crate) case: Case,
    /// On the GPU, one of the batch: microseconds.
    pub(crate) gpu: f64,
    /// From declaring the batch to its completion, one of it: microseconds.
    pub(crate) wall: f64,
    /// Of the process, one of the batch: microseconds.
    pub(crate) cpu: f64,
    /// Vulkan dispatches that one takes.
    pub(crate) dispatches: f64,
    /// Barriers of the graph of a batch, what stands before its first dispatch included.
    pub(crate) barriers: u64,
    /// What a graph of these cannot do without.
    pub(crate) bound: usize,
    /// Calls of `vkQueueSubmit2` for a batch that is awaited together.
    pub(crate) submits: f64,
    pub(crate) descriptor_writes: u64,
    pub(crate) allocations: u64,
    /// The rate of the other program for the same case.
    pub(crate) against: Option<f64>,
}

impl CaseRow {
    pub(crate) const HEADER: &str = "| case | GPU us | rate | | CUDA | ratio | wall us | CPU us | dispatches | barriers | bound | submits | descriptors | allocations |\n| :-- | --: | --: | :-- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |";

    /// One line of the table.
    pub(crate) fn line(&self) -> String {
        let Self { case, gpu, wall, cpu, dispatches, barriers, bound, submits, .. } = self;
        let (rate, unit) = (case.rate(*gpu), case.operation.unit());
        let (other, ratio) = match self.against {
            Some(other) => (format!("{other:.2}"), format!("{:.3}", rate / other)),
            None => ("-".to_owned(), "-".to_owned()),
        };
        let (descriptors, allocations) = (self.descriptor_writes, self.allocations);
        let name = case.to_string();
        format!(
            "| {name:<22} | {gpu:>10.2} | {rate:>8.2} | {unit:<7} | {other:>7} | {ratio:>5} | {wall:>10.2} | {cpu:>8.2} | {dispatches:>3} | {barriers:>4} | {bound:>4} | {submits:>6.2} | {descriptors:>2} | {allocations:>2} |"
        )
    }
}

/// Shares of CUDA's rates that the largest sizes are to reach, one at a time.
const GOALS: [(Operation, usize, f64); 7] = [
    (Operation::Saxpy, 1 << 28, 0.95),
    (Operation::Reduce, 1 << 28, 0.97),
    (Operation::Scan, 1 << 28, 0.95),
    (Operation::Gemm, 4096 * 4096, 0.8),
    (Operation::Gemm, 8192 * 8192, 0.8),
    (Operation::Emulated, 4096 * 4096, 1.0),
    (Operation::Emulated, 8192 * 8192, 1.0),
];

/// Which goals were met, of those whose cases were measured and have a rate of the other program.
pub(crate) fn print_goals(cases: &[CaseRow]) {
    for (operation, elements, least) in GOALS {
        let case = Case { operation, elements, batch: 1 };
        let row = cases.iter().find(|row| row.case == case);
        let Some((row, against)) = row.and_then(|row| Some((row, row.against?))) else { continue };
        let ratio = case.rate(row.gpu) / against;
        let verdict = if ratio >= least { "met" } else { "MISSED" };
        println!("{case}: {ratio:.3} of CUDA, goal >= {least} {verdict}");
    }
}

/// What the columns are.
const LEGEND: &str = "`xN`: N at a time, in one graph; \
    CUDA's stand one after the other in a stream, vulkio's side by side where their buffers allow it, \
    so that only `x1` compares kernels. `GPU us`: the GPU's time of one. `ratio`: of the rates. \
    `wall us`, `CPU us`: of one, awaited together with the others. \
    `bound`: the barriers that such a graph cannot do without; \
    one more stands before it where other work on the same buffers came before.";

/// Everything in one file of Markdown, for docs.
pub(crate) fn write(path: &Path, machine: &str, cpu: &[CpuRow], cases: &[CaseRow]) -> Result {
    let mut text = format!("{machine}\n\n");
    if !cases.is_empty() {
        writeln!(text, "{LEGEND}\n")?;
        writeln!(text, "{}", CaseRow::HEADER)?;
        for row in cases {
            writeln!(text, "{}", row.line())?;
        }
    }
    if !cpu.is_empty() {
        writeln!(
            text,
            "\n| dispatches of 64 KiB | runtime | batch | wall us | caller's CPU us | process CPU us | submits | to a graph each | to one command buffer by hand |"
        )?;
        writeln!(text, "| :-- | :-- | --: | --: | --: | --: | --: | --: | --: |")?;
        for row in cpu {
            writeln!(text, "{}", row.line())?;
        }
    }
    Ok(fs::write(path, text)?)
}
