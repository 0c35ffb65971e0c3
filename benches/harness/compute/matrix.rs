//! The matrix: every operation on every size, one, 16 and 256 at a time.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use vulkio::{DeviceKind, Gpu, Renderer};

use super::{
    super::{Args, Result, clock::process_cpu, pairs::quantile},
    BATCHES, Case, Operation, Size,
    against::Against,
    operations::Work,
    report::CaseRow,
};

/// Microseconds of a round; cases of which one takes longer are left out.
const LONGEST: f64 = 1e6;
/// Bytes that the buffers of a batch take at the most: 4 GiB on a GPU.
const SETS: [usize; 2] = [4 << 30, 256 << 20];
/// Elements of the largest size that a CPU driver is given: 64 MiB, and for products of matrices 512 × 512.
const SOFTWARE: [usize; 2] = [16 << 20, 512 * 512];

/// How long to go on with a case.
#[derive(Clone, Copy)]
struct Limits {
    rounds: usize,
    time: Duration,
    least: usize,
}

pub(crate) struct Matrix<'a> {
    gpu: &'a Gpu,
    renderer: Renderer,
    against: &'a Against,
    limits: Limits,
    software: bool,
}

impl<'a> Matrix<'a> {
    pub(crate) fn new(gpu: &'a Gpu, args: &Args, against: &'a Against) -> Result<Self> {
        let limits = match args.quick {
            true => Limits { rounds: 3, time: Duration::ZERO, least: 2 },
            false => Limits { rounds: 101, time: Duration::from_millis(600), least: 5 },
        };
        let software = gpu.info().kind == DeviceKind::Cpu;
        Ok(Self { gpu, renderer: Renderer::headless(gpu, [16, 16])?, against, limits, software })
    }

    /// Prints each row as it is measured. What computes something wrong has no row, and its name is in the second list.
    pub(crate) async fn run(&self, args: &Args) -> Result<(Vec<CaseRow>, Vec<String>)> {
        let (mut rows, mut wrong) = (Vec::new(), Vec::new());
        println!("{}", CaseRow::HEADER);
        for operation in Operation::ALL {
            for elements in operation.sizes() {
                let cases = BATCHES.map(|batch| Case { operation, elements, batch });
                if cases.iter().any(|case| args.wants(&case.to_string())) && self.fits(cases[0]) {
                    self.size(cases, args, &mut rows, &mut wrong).await?;
                }
            }
        }
        println!();
        Ok((rows, wrong))
    }

    fn fits(&self, case: Case) -> bool {
        let most = SOFTWARE[usize::from(matches!(case.operation, Operation::Gemm | Operation::Emulated))];
        !self.software || case.elements <= most
    }

    async fn size(&self, cases: [Case; 3], args: &Args, rows: &mut Vec<CaseRow>, wrong: &mut Vec<String>) -> Result {
        let budget = SETS[usize::from(self.software)];
        let sets = (budget / cases[0].bytes()).clamp(1, BATCHES[2]);
        let work = match Work::new(self.gpu, cases[0], sets).await {
            Ok(work) => work,
            Err(error) => {
                println!("{}: {} a set: {error}", cases[0], Size(cases[0].bytes()));
                return Ok(());
            }
        };
        if let Err(error) = work.check().await {
            println!("{}: WRONG: {error}", cases[0]);
            wrong.push(cases[0].to_string());
            return Ok(());
        }
        let mut single = None;
        for case in cases.into_iter().filter(|case| args.wants(&case.to_string())) {
            let expected = single.unwrap_or(0.0) * case.batch as f64;
            if expected > LONGEST {
                println!("{case}: left out, as it would take {:.0} s a round", expected / 1e6);
                continue;
            }
            let row = self.case(&work, case).await?;
            println!("{}", row.line());
            single.get_or_insert(row.gpu);
            rows.push(row);
        }
        Ok(())
    }

    async fn case(&self, work: &Work, case: Case) -> Result<CaseRow> {
        let batch = case.batch as f64;
        // The first ones make plans and scratch memory.
        let mut seen = self.frame(work, case).await?;
        for _ in 0..2 {
            self.together(work, case).await?;
            seen = self.frame(work, case).await?;
        }
        let (mut gpu, mut walls, mut cpus, mut submits) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let before = self.gpu.counters();
        let (start, Limits { rounds, time, least }) = (Instant::now(), self.limits);
        while gpu.len() < least || gpu.len() < rounds && start.elapsed() < time {
            seen = self.frame(work, case).await?;
            gpu.push(seen.gpu);
            let submitted = self.gpu.counters().submits;
            let (began, cpu) = (Instant::now(), process_cpu());
            self.together(work, case).await?;
            walls.push(began.elapsed().as_secs_f64() * 1e6);
            cpus.push(process_cpu() - cpu);
            submits += self.gpu.counters().submits - submitted;
        }
        let after = self.gpu.counters();
        Ok(CaseRow {
            case,
            gpu: quantile(&gpu, 0.5) / batch,
            wall: quantile(&walls, 0.5) / batch,
            cpu: quantile(&cpus, 0.5) / batch,
            dispatches: seen.dispatches as f64 / batch,
            barriers: seen.barriers,
            bound: seen.bound,
            submits: submits as f64 / gpu.len() as f64,
            descriptor_writes: after.descriptor_writes - before.descriptor_writes,
            allocations: after.device_allocations - before.device_allocations,
            against: self.against.rate(case),
        })
    }

    /// All in one graph, between two timestamps.
    async fn frame(&self, work: &Work, case: Case) -> Result<Seen> {
        let frame = self.renderer.frame().await?;
        for i in 0..case.batch {
            frame.add(work.dispatch(i)?);
        }
        let bound = frame.plan_stats()?.lower_bound;
        let stats = frame.submit().await?.await?;
        let gpu = stats.gpu.ok_or("this queue has no timestamps")?.as_secs_f64() * 1e6;
        Ok(Seen { gpu, barriers: stats.barriers, dispatches: stats.dispatches, bound })
    }

    /// Awaited together, as many tasks do it.
    async fn together(&self, work: &Work, case: Case) -> Result {
        let all = (0..case.batch).map(|i| Ok(work.dispatch(i)?.into_future())).collect::<vulkio::Result<Vec<_>>>()?;
        try_join_all(all).await?;
        Ok(())
    }
}

/// What a frame of a case took.
struct Seen {
    gpu: f64,
    barriers: u64,
    dispatches: u64,
    bound: usize,
}
