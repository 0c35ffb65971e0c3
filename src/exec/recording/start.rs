//! From a declared graph to its recording tasks: plan, transients, cut.

use std::{
    iter,
    sync::{Arc, Mutex, atomic::AtomicUsize},
};

use super::{
    Parts, Recording, Submission, UNUSED,
    answer::Answer,
    work::{SharedPass, Task, Work},
};
use crate::{
    error::{Result, guarded},
    exec::{
        chunks::{self, Cost, Cut, IN_PLACE_BELOW, Kind, Piece, Position},
        entry,
        part::FramePart,
        passtimes::PassTimes,
        word::Word,
    },
    gpu::{Gpu, QueueId, QueueKind},
    graph::{
        cache::{Kept, PlanCache},
        compiled::{Batch, Compiled, Import},
        declare::{Body, Declared, PassBody},
        manual,
        uses::Declaration,
    },
    resource::Resource,
    sync::prim::lock,
};

impl Recording {
    /// Compiles the graph and cuts it for at most `workers` tasks at a time. With `hold`, the commit waits to be asked for.
    ///
    /// # Errors
    ///
    /// What is wrong with the graph as a whole, or no memory for its transients.
    pub(crate) fn start(submission: Submission, workers: usize, hold: bool) -> Result<Arc<Self>> {
        let Submission { gpu, name, queue, mut declared, frame, is_of_kernels } = submission;
        let plans = if is_of_kernels { &gpu.shared.kernel_plans } else { &gpu.shared.plans };
        let Kept { compiled: plan, costs } = compile(&gpu, &declared, queue, frame.as_ref(), plans)?;
        let passes = std::mem::take(&mut declared.passes);
        let mut passes: Vec<_> = passes.into_iter().map(Some).collect();
        let Cut { pieces, in_place } = cut(&plan, &costs, &passes, frame.as_ref(), workers);
        let unwritten = unwritten(&plan, declared.slots.all(), &passes);
        let mut bodies = plan.order.iter().filter_map(|&pass| passes[pass].take());
        let tasks = tasks(pieces, &mut bodies);
        guarded(UNUSED, || drop(passes)); // those that were culled

        let slots = Arc::from(declared.slots.into_resources());
        let shared = Arc::clone(&gpu.shared);
        let transients = shared.transients.lease(&plan.transients, &slots)?;
        let foreseen = entry::foreseen(&plan, &slots);
        let number = frame.as_ref().map_or(0, |frame| frame.number);
        let parts = Parts {
            recorded: tasks.iter().map(|_| None).collect(),
            pages: declared.pages,
            jobs: declared.jobs,
            foreseen,
            unwritten,
            waits: declared.waits,
            transients: Some(transients),
            frame,
            ..Parts::default()
        };
        let pass_times = parts.frame.as_ref().and_then(|frame| frame.pass_times(plan.order.len()));
        let ready: Vec<_> = (0..tasks.len()).filter(|&task| tasks[task].is_ready()).collect();
        let in_place = in_place && ready.len() == tasks.len();
        Ok(Arc::new(Self {
            number,
            span: tracing::debug_span!(target: "vulkio::frame", "frame", frame = number, name = &*name, gpu_us = tracing::field::Empty),
            unreported: parts.frame.as_ref().map(|frame| Arc::clone(&frame.unreported)),
            timestamps: parts.frame.as_ref().and_then(FramePart::timestamps),
            pass_times: pass_times.map(PassTimes::begin),
            plan,
            costs_kept: costs,
            slots,
            word: Word::recording(),
            hold,
            remaining: AtomicUsize::new(tasks.len()),
            tasks,
            ready,
            begun: AtomicUsize::new(0),
            in_place,
            parts: Mutex::new(parts),
            answer: Answer::new(),
            shared,
        }))
    }
}

/// `plans`: where the plan is kept, if it is none of a frame.
fn compile(
    gpu: &Gpu,
    declared: &Declared,
    queue: Option<QueueKind>,
    frame: Option<&FramePart>,
    plans: &PlanCache,
) -> Result<Kept> {
    let queues = &gpu.shared.device.queues;
    let cache = match frame {
        Some(frame) => {
            *lock(&frame.sizes) = declared.sizes();
            &frame.plans
        }
        None => plans,
    };
    let plan = cache.get(&declared.structure, &queues.map).map_err(|fault| declared.explain(fault))?;
    if declared.structure.has_manual() && gpu.shared.device.checks.is_some() {
        manual::check(&gpu.shared.device, declared, &plan.compiled)?;
    }
    match plan.compiled.batches.is_empty() {
        true => {
            let compiled = Arc::new(empty(&plan.compiled, queues.id(queue.unwrap_or(QueueKind::Graphics))));
            Ok(Kept { compiled, ..plan })
        }
        false => Ok(plan),
    }
}

/// Also a graph of nothing is complete at some point, after what was submitted before it.
fn empty(plan: &Compiled, queue: QueueId) -> Compiled {
    let batch = Batch { queue, positions: 0..0, waits: Vec::new(), entries: Vec::new(), after: None };
    Compiled { batches: vec![batch], ..plan.clone() }
}

fn cut(
    plan: &Compiled,
    costs: &Mutex<Vec<u64>>,
    passes: &[Option<PassBody>],
    frame: Option<&FramePart>,
    workers: usize,
) -> Cut {
    let kind = |pass: usize| match &passes[pass] {
        Some(PassBody { body: Body::Parallel(parallel), .. }) => Kind::Parallel(parallel.items),
        Some(PassBody { body: Body::Opened(_), .. }) => Kind::Alone,
        Some(pass) if !pass.jobs.iter().all(|job| job.is_ready()) => Kind::Alone,
        _ => Kind::Plain,
    };
    let batches = plan.batches.iter().enumerate();
    let batches = batches.flat_map(|(index, batch)| iter::repeat_n(index, batch.positions.len()));
    let positions = batches.zip(&plan.order).map(|(batch, &pass)| Position { batch, kind: kind(pass) });
    let positions: Vec<_> = positions.collect();
    match frame {
        Some(frame) => chunks::cut(&positions, Cost::LastTime(&lock(costs)), workers, frame.runtime.in_place_below),
        // Graphs by themselves look alike and do different things: uploads, read-backs.
        None => chunks::cut(&positions, Cost::Guess, workers, IN_PLACE_BELOW),
    }
}

/// Entries that read what nothing has written so far, and the first pass that does.
fn unwritten(plan: &Compiled, slots: &[Resource], passes: &[Option<PassBody>]) -> Vec<(usize, Arc<str>)> {
    let written = |import: &Import| lock(slots[import.slot].state()).is_written(import.region);
    let entries = plan.entries.iter().enumerate();
    let entries = entries.filter(|(_, entry)| entry.only_reads() && !written(&plan.imports[entry.import]));
    let named = entries.map(|(index, entry)| {
        let id = slots[plan.imports[entry.import].slot].id();
        let region = plan.imports[entry.import].region;
        let reads = |declared: &Declaration| {
            declared.resource.id() == id
                && !declared.access.writes()
                && declared.covered().intersection(&region).is_some()
        };
        let touches = |pass: &&PassBody| pass.declared.iter().any(reads);
        let pass = plan.order.iter().filter_map(|&pass| passes[pass].as_ref()).find(touches);
        (index, pass.map_or_else(|| "?".into(), |pass| Arc::clone(&pass.name)))
    });
    named.collect()
}

/// The tasks, each with its passes.
fn tasks(pieces: Vec<Piece>, bodies: &mut impl Iterator<Item = PassBody>) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::with_capacity(pieces.len().max(1));
    let mut shared: Option<Arc<SharedPass>> = None;
    for Piece { batch, positions, share } in pieces {
        let work = match share {
            None => Work::Passes(bodies.by_ref().take(positions.len()).collect()),
            Some(share) => {
                if share.is_first() {
                    shared = bodies.next().and_then(SharedPass::new);
                }
                match &shared {
                    Some(body) => Work::Share(Arc::clone(body), share),
                    None => Work::default(), // there is a body for each position
                }
            }
        };
        tasks.push(Task::new(batch, positions.start, work));
    }
    if tasks.is_empty() {
        tasks.push(Task::new(0, 0, Work::default()));
    }
    // They are sorted by batch.
    for index in 0..tasks.len() {
        let batch = tasks[index].batch;
        tasks[index].first = index == 0 || tasks[index - 1].batch != batch;
        tasks[index].last = tasks.get(index + 1).is_none_or(|next| next.batch != batch);
    }
    tasks
}
