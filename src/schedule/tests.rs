//! Systems of CPU data, without a device: who comes when, and what becomes of those that go wrong.

mod conflicts;
mod drawn;
mod failures;
mod orders;
mod random;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{runtime::Handle, sync::Notify};

use super::{
    Stage,
    bound::{AnySchedule, bind},
    run::{Place, Scheduled, run},
    turns::line_up,
};
use crate::{
    error::{Error, Result},
    exec::{JobOwner, launch_job},
    graph::hints::Outline,
    resource::Mode,
    sync::prim::lock,
    system::{Act, Binding, CpuData, CpuMember, Guards, Member, Registry, derived::cpu_meta},
};

/// What a system does with what it reads and what it writes.
type Work = Box<dyn for<'a> Fn(Vec<&'a u64>, Vec<&'a mut u64>) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// A system of numbers.
struct Numbers {
    name: String,
    reads: Vec<CpuData<u64>>,
    writes: Vec<CpuData<u64>>,
    work: Work,
}

impl Numbers {
    fn new(name: &str, reads: &[&CpuData<u64>], writes: &[&CpuData<u64>], work: Work) -> Self {
        let handles = |of: &[&CpuData<u64>]| of.iter().map(|&data| data.clone()).collect();
        Self { name: name.to_owned(), reads: handles(reads), writes: handles(writes), work }
    }

    /// One that adds what it reads, and one more, to what it writes.
    fn adding(name: &str, reads: &[&CpuData<u64>], writes: &[&CpuData<u64>]) -> Self {
        let work: Work = Box::new(|reads, writes| {
            Box::pin(async move {
                let sum = reads.into_iter().fold(1_u64, |sum, read| sum.wrapping_add(*read));
                writes.into_iter().for_each(|number| *number = number.wrapping_add(sum));
                Ok(())
            })
        });
        Self::new(name, reads, writes, work)
    }
}

impl Member for Numbers {
    fn name(&self) -> &str {
        &self.name
    }

    fn bind(&self, _: &Registry, to: &mut Binding) -> Result<()> {
        let meta = cpu_meta::<u64>("u64", None, None);
        self.reads.iter().for_each(|data| to.cpu(meta, Mode::Read, data));
        self.writes.iter().for_each(|data| to.cpu(meta, Mode::Write, data));
        Ok(())
    }

    fn outline(&self, _: &mut Outline) {}

    fn act(&self) -> Act<'_> {
        Act::Cpu(self)
    }
}

impl CpuMember for Numbers {
    fn run<'a>(&'a self, guards: &'a mut Guards) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut each = guards.each();
            let reads = self.reads.iter().map(|_| each.read()).collect::<Result<_>>()?;
            let writes = self.writes.iter().map(|_| each.write()).collect::<Result<_>>()?;
            (self.work)(reads, writes).await
        })
    }
}

/// A schedule made while the test runs.
struct Made {
    stages: &'static [Stage],
    members: Vec<Vec<Box<dyn Member>>>,
}

/// A stage, those that it comes after, and its systems.
type Staged = (&'static str, &'static [&'static str], Vec<Box<dyn Member>>);

impl Made {
    /// Stages, each with those that it comes after, and its systems.
    fn of(stages: Vec<Staged>) -> Arc<dyn AnySchedule> {
        let said = stages.iter().map(|(name, after, members)| Stage { name, after, members: members.len() });
        let said: Vec<_> = said.collect();
        Arc::new(Self { stages: said.leak(), members: stages.into_iter().map(|(.., members)| members).collect() })
    }

    /// A stage for each system, each after the one before it.
    fn line(systems: Vec<Numbers>) -> Arc<dyn AnySchedule> {
        const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let after = |number: usize| if number == 0 { &[] } else { &NAMES[number - 1..number] };
        let stages = systems.into_iter().enumerate();
        Self::of(stages.map(|(number, system)| (NAMES[number], after(number), vec![Box::new(system) as _])).collect())
    }
}

impl AnySchedule for Made {
    fn name(&self) -> &'static str {
        "Made"
    }

    fn stages(&self) -> &'static [Stage] {
        self.stages
    }

    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member> {
        Some(&**self.members.get(stage)?.get(index)?)
    }
}

/// What a graph would hold: dropped, it aborts what runs.
struct Begun {
    scheduled: Scheduled,
    owners: Vec<JobOwner>,
}

impl Begun {
    /// As of a graph that was submitted.
    fn keep(self) -> Scheduled {
        self.owners.into_iter().for_each(JobOwner::keep);
        self.scheduled
    }
}

/// Runs a schedule as a graph would that is not submitted yet.
fn begin(schedule: &Arc<dyn AnySchedule>) -> Begun {
    let systems = bind(&**schedule, &Registry::new()).expect("a legal schedule");
    let turns = line_up(&systems);
    let runtime = Handle::try_current().ok();
    let jobs = systems.into_iter().zip(turns).map(|(system, turn)| {
        launch_job(runtime.as_ref(), Arc::clone(&system.name), run(Place::new(schedule, &system), system.name, turn))
    });
    let (jobs, owners) = jobs.unzip();
    Begun { scheduled: Scheduled { jobs }, owners }
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it takes forever")
}

async fn value(data: &CpuData<u64>) -> u64 {
    *soon(data.read()).await
}

/// A place where systems wait until the test lets them go on.
#[derive(Clone, Default)]
struct Stop(Arc<(AtomicUsize, Notify)>);

impl Stop {
    async fn wait(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notified().await;
    }

    async fn reached(&self) {
        self.reached_by(1).await;
    }

    async fn reached_by(&self, count: usize) {
        soon(async {
            while self.0.0.load(Ordering::SeqCst) < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn go_on(&self) {
        self.0.1.notify_one();
    }
}

/// What happened, in the order in which it did.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: &str) {
        lock(&self.0).push(what.to_owned());
    }

    fn all(&self) -> Vec<String> {
        lock(&self.0).clone()
    }

    /// A system that notes its name.
    fn system(&self, name: &str, reads: &[&CpuData<u64>], writes: &[&CpuData<u64>]) -> Numbers {
        let (log, own) = (self.clone(), name.to_owned());
        let work: Work = Box::new(move |_, _| {
            let (log, own) = (log.clone(), own.clone());
            Box::pin(async move {
                log.note(&own);
                Ok(())
            })
        });
        Numbers::new(name, reads, writes, work)
    }
}

/// Numbers, all 0.
fn numbers<const N: usize>() -> [CpuData<u64>; N] {
    [(); N].map(|()| CpuData::new(0))
}
