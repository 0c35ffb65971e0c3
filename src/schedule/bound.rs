//! The systems of a schedule with what they touch.

use std::sync::Arc;

use super::{Order, Stage, conflicts};
use crate::{
    error::{Error, Result},
    gpu::QueueKind,
    graph::Uses,
    resource::Mode,
    system::{Act, Binding, CpuUse, FoundHandle, Member, Registry},
};

/// A schedule, whatever its type.
pub(crate) trait AnySchedule: Send + Sync + 'static {
    fn name(&self) -> &'static str;
    fn stages(&self) -> &'static [Stage];
    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member>;
}

impl<S: super::Schedule> AnySchedule for S {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn stages(&self) -> &'static [Stage] {
        S::STAGES
    }

    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member> {
        super::Schedule::member(self, stage, index)
    }
}

/// The system of a stage.
///
/// # Errors
///
/// [`Error::Graph`] if the schedule does not have what it says.
pub(crate) fn member(schedule: &dyn AnySchedule, stage: usize, index: usize) -> Result<&dyn Member> {
    schedule.member(stage, index).ok_or_else(|| {
        let (name, stage) = (schedule.name(), schedule.stages()[stage].name);
        Error::Graph(format!("stage `{stage}` of schedule `{name}` is said to have a system {index}, and has none"))
    })
}

/// A system and what it touches in this run.
pub(crate) struct Bound {
    pub(crate) stage: usize,
    /// In its stage.
    pub(crate) index: usize,
    pub(crate) name: Arc<str>,
    pub(crate) queue: Option<QueueKind>,
    /// Whether it records commands.
    pub(crate) records: bool,
    pub(crate) uses: Uses,
    pub(crate) handles: Vec<FoundHandle>,
    pub(crate) cpu: Vec<CpuUse>,
}

/// All systems of a schedule, in its order.
///
/// # Errors
///
/// What is wrong with the order of its stages, what is not found in the registry, systems that declare what they cannot do,
/// and systems that touch the same thing of which nothing says who comes first.
pub(crate) fn bind(schedule: &dyn AnySchedule, registry: &Registry) -> Result<Vec<Bound>> {
    let stages = schedule.stages();
    let order = Order::of(schedule.name(), stages)?;
    let of_stage = |&stage: &usize| (0..stages[stage].members).map(move |index| (stage, index));
    let places = order.sequence.iter().flat_map(of_stage);
    let systems: Vec<_> =
        places.map(|(stage, index)| Bound::new(schedule, stage, index, registry)).collect::<Result<_>>()?;
    conflicts::check(stages, &order, &systems)?;
    Ok(systems)
}

impl Bound {
    fn new(schedule: &dyn AnySchedule, stage: usize, index: usize, registry: &Registry) -> Result<Self> {
        let member = member(schedule, stage, index)?;
        let name = Arc::<str>::from(member.name());
        let mut binding = Binding::default();
        member.bind(registry, &mut binding).map_err(|error| of_system(&name, error))?;
        let (queue, records) = (member.queue(), matches!(member.act(), Act::Gpu(_)));
        let Binding { uses, handles, cpu } = binding;
        let bound = Self { stage, index, name, queue, records, uses, handles, cpu };
        bound.check().map_err(|error| of_system(&bound.name, error))?;
        Ok(bound)
    }

    fn check(&self) -> Result<()> {
        if self.records
            && let Some(written) = self.cpu.iter().find(|used| used.mode != Mode::Read)
        {
            return Err(Error::Graph(format!(
                "it records commands and writes CPU data `{}`; write that in a system of its own",
                written.name()
            )));
        }
        if !self.records
            && let Some(touched) = self.uses.declarations().next()
        {
            return Err(Error::Graph(format!(
                "it runs on the CPU and declares the GPU resource `{}`; touch that in a system of its own, which records",
                touched.resource.name()
            )));
        }
        for (number, used) in self.cpu.iter().enumerate() {
            let same = self.cpu[..number].iter().find(|earlier| earlier.data.id() == used.data.id());
            if let Some(earlier) = same.filter(|earlier| earlier.mode != Mode::Read || used.mode != Mode::Read) {
                return Err(Error::Graph(format!(
                    "`{}` and `{}` are the same CPU data, and it writes one of them; declare it once, in `#[writes]`",
                    earlier.name(),
                    used.name()
                )));
            }
        }
        Ok(())
    }
}

/// An error with the system that it is about.
fn of_system(name: &str, error: Error) -> Error {
    match error {
        Error::Graph(message) => Error::Graph(format!("system `{name}`: {message}")),
        error => error,
    }
}
