//! A schedule in a graph: a pass for each system that records, a job for each one that runs on the CPU.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};

use futures::FutureExt;

use super::{
    Schedule, Stage,
    bound::{self, AnySchedule, Bound},
    conflicts,
    turns::{self, Turn},
};
use crate::{
    error::{Error, Result, Source, guarded, panic_message},
    exec::{Encoder, Frame, Job},
    graph::{Graph, PassId},
    system::{Act, Found, Guards, Member, Registry},
};

/// The CPU systems of one run of a schedule: what [`Graph::run`] gives. Dropping it changes nothing.
#[derive(Clone, Debug)]
#[must_use = "await `finished` to learn how its CPU systems ended"]
pub struct Scheduled {
    pub(super) jobs: Vec<Job<()>>,
}

impl Scheduled {
    /// Waits until its CPU systems have ended.
    ///
    /// A system may wait until passes of the same run, or of an earlier one, have looked at its data. They do so when they are
    /// recorded: so submit the graph first.
    ///
    /// # Errors
    ///
    /// The error of the first of them, in the order of the schedule, that went wrong by itself: [`Error::JobFailed`] or
    /// [`Error::JobPanicked`] with its name. [`Error::Cancelled`] if the graph was dropped, or failed, before they had ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it has no effect.
    pub async fn finished(&self) -> Result<()> {
        let mut cancelled = Ok(());
        let mut failed = Ok(());
        for job in &self.jobs {
            match job.finished().await {
                Ok(()) => {}
                Err(error @ Error::Cancelled) => cancelled = cancelled.and(Err(error)),
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        // One that went wrong may have cancelled others.
        failed.and(cancelled)
    }
}

impl Graph {
    /// Adds a schedule: a pass for each of its systems that record commands, a job for each of those that run on the CPU.
    ///
    /// Systems that touch the same thing, one of them writing, come in the order of their stages; others run side by side,
    /// whatever their stages. CPU systems begin now, on the runtime that [`job`](Self::job)s run on, each as soon as it is
    /// its turn with all its data: after those of earlier runs, whoever made them. A pass that reads CPU data keeps it from
    /// being written until the pass is recorded: so submit graphs in the order in which schedules were run in them, and
    /// drop those that are not to be submitted.
    ///
    /// Where a CPU system fails or panics, those after it in this run that touch what it writes fail with its error, and so
    /// does the graph if they are passes of it. The next run begins afresh, with the data as the failed system left it. That
    /// holds for systems that are aborted because their graph is dropped, or fails, as well.
    ///
    /// In a graph of [`any_order`](Self::any_order), said before, the passes of a schedule come after each other as here.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`]: stages in a cycle; resources that are not found in the registry, see [`Registry::get`]; two systems
    /// that touch the same thing, one of them writing, where no stage says which comes first; systems that declare what
    /// they cannot do. The graph is as before then, and no system has begun.
    pub fn run<S: Schedule>(&self, schedule: &Arc<S>, registry: &Registry) -> Result<Scheduled> {
        self.run_any(&(Arc::clone(schedule) as Arc<dyn AnySchedule>), registry)
    }

    /// Adds one system, as [`run`](Self::run) would one of a schedule: a pass, or a job. What [`add`](Self::add) takes need not
    /// be added so.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`]: as [`Registry::get`], and if it declares what it cannot do.
    pub fn add_from(&self, registry: &Registry, system: impl Member) -> Result<Scheduled> {
        self.run_any(&(Arc::new(One(system)) as Arc<dyn AnySchedule>), registry)
    }

    fn run_any(&self, schedule: &Arc<dyn AnySchedule>, registry: &Registry) -> Result<Scheduled> {
        let systems = bound::bind(&**schedule, registry)?;
        let turns = turns::line_up(&systems);
        let earlier = if self.is_any_order() { conflicts::earlier(&systems) } else { Vec::new() };
        let mut passes: Vec<Option<PassId>> = Vec::with_capacity(systems.len());
        let mut jobs = Vec::new();
        for (number, (system, turn)) in systems.into_iter().zip(turns).enumerate() {
            let place = Place::new(schedule, &system);
            if system.records {
                let after = earlier.get(number).into_iter().flatten().filter_map(|&before| passes[before]);
                passes.push(Some(self.add_system(place, system, turn, after.collect())));
            } else {
                passes.push(None);
                jobs.push(self.launch(Arc::clone(&system.name), run(place, system.name, turn)));
            }
        }
        Ok(Scheduled { jobs })
    }

    /// Adds the pass of a system that records, and a job that waits for the CPU data that it reads, if somebody has that.
    fn add_system(&self, place: Place, system: Bound, mut turn: Turn, after: Vec<PassId>) -> PassId {
        let Bound { name, queue, uses, handles, .. } = system;
        let found = Arc::new(Found::new(handles));
        let mut pass = self.pass(&name);
        *pass.uses() = uses;
        if let Some(queue) = queue {
            pass = pass.queue(queue);
        }
        if let Some(guards) = turn.come_at_once() {
            found.give(guards);
        } else {
            let job = self.launch(format!("{name}: data").into(), bring(turn, Arc::downgrade(&found)));
            pass = pass.after(&job);
        }
        for before in after {
            pass = pass.after(before);
        }
        pass.record(move |cmd| record(&place, found, cmd))
    }
}

impl Frame {
    /// See [`Graph::run`].
    ///
    /// # Errors
    ///
    /// As [`Graph::run`].
    pub fn run<S: Schedule>(&self, schedule: &Arc<S>, registry: &Registry) -> Result<Scheduled> {
        self.graph().run(schedule, registry)
    }

    /// See [`Graph::add_from`].
    ///
    /// # Errors
    ///
    /// As [`Graph::add_from`].
    pub fn add_from(&self, registry: &Registry, system: impl Member) -> Result<Scheduled> {
        self.graph().add_from(registry, system)
    }
}

/// A system of a schedule that is kept for it.
pub(super) struct Place {
    schedule: Arc<dyn AnySchedule>,
    stage: usize,
    index: usize,
}

impl Place {
    pub(super) fn new(schedule: &Arc<dyn AnySchedule>, system: &Bound) -> Self {
        Self { schedule: Arc::clone(schedule), stage: system.stage, index: system.index }
    }

    fn act(&self) -> Result<Act<'_>> {
        bound::member(&*self.schedule, self.stage, self.index).map(|member| member.act())
    }
}

/// Runs a system on the CPU when it is its turn.
pub(super) async fn run(place: Place, name: Arc<str>, mut turn: Turn) -> Result<()> {
    let guards = turn.come().await?;
    let mut guards = Guards { all: guards.into_iter().map(|(_, guard)| guard).collect() };
    let result = run_with(&place, &name, &mut guards).await;
    turn.end(result.clone());
    result
}

async fn run_with(place: &Place, name: &Arc<str>, guards: &mut Guards) -> Result<()> {
    let running = async {
        let system = match place.act()? {
            Act::Cpu(system) => system.run(guards),
            Act::Gpu(_) => return Err(changed()),
        };
        system.await
    };
    match AssertUnwindSafe(running).catch_unwind().await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            Err(Error::JobFailed { job: name.to_string(), source: Source::from(Box::new(error) as Box<_>) })
        }
        Err(payload) => {
            let message = panic_message(&*payload);
            guarded("a panic's payload", || drop(payload));
            Err(Error::JobPanicked { job: name.to_string(), message })
        }
    }
}

/// Brings a pass the CPU data that its system reads, if there still is a pass.
async fn bring(mut turn: Turn, to: Weak<Found>) -> Result<()> {
    let guards = turn.come().await?;
    if let Some(found) = to.upgrade() {
        found.give(guards);
    }
    Ok(())
}

fn record(place: &Place, found: Arc<Found>, cmd: &mut Encoder<'_>) -> Result<()> {
    cmd.found = Some(found);
    match place.act()? {
        Act::Gpu(system) => system.record(cmd),
        Act::Cpu(_) => Err(changed()),
    }
}

fn changed() -> Error {
    Error::Graph(
        "it said that it records commands, and that it runs on the CPU; `act` gives the same always".to_owned(),
    )
}

/// A schedule of one system.
struct One<M>(M);

impl<M: Member> Schedule for One<M> {
    const STAGES: &'static [Stage] = &[Stage { name: "only", after: &[], members: 1 }];
    const NAME: &'static str = "add_from";

    fn member(&self, _: usize, index: usize) -> Option<&dyn Member> {
        (index == 0).then_some(&self.0 as &dyn Member)
    }
}
