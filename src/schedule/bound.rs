//! The systems of a schedule with what they touch.

use std::sync::Arc;

use super::{Order, Stage};
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

/// Where a system stands in its schedule.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) schedule: Arc<dyn AnySchedule>,
    pub(crate) stage: usize,
    pub(crate) index: usize,
}

impl Place {
    /// The system.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] if the schedule does not have what it says.
    pub(crate) fn member(&self) -> Result<&dyn Member> {
        self.schedule.member(self.stage, self.index).ok_or_else(|| {
            let (schedule, stage) = (self.schedule.name(), self.schedule.stages()[self.stage].name);
            let index = self.index;
            Error::Graph(format!(
                "stage `{stage}` of schedule `{schedule}` is said to have a system {index}, and has none"
            ))
        })
    }
}

/// A system and what it touches in this run.
pub(crate) struct Bound {
    pub(crate) place: Place,
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
/// What is not found in the registry, and systems that declare what they cannot do.
pub(crate) fn bind(schedule: &Arc<dyn AnySchedule>, order: &Order, registry: &Registry) -> Result<Vec<Bound>> {
    let stages = schedule.stages();
    let of_stage = |&stage: &usize| (0..stages[stage].members).map(move |index| (stage, index));
    let places = order.sequence.iter().flat_map(of_stage);
    places.map(|(stage, index)| Bound::new(Place { schedule: Arc::clone(schedule), stage, index }, registry)).collect()
}

impl Bound {
    fn new(place: Place, registry: &Registry) -> Result<Self> {
        let member = place.member()?;
        let name = Arc::<str>::from(member.name());
        let mut binding = Binding::default();
        member.bind(registry, &mut binding).map_err(|error| of_system(&name, error))?;
        let (queue, records) = (member.queue(), matches!(member.act(), Act::Gpu(_)));
        let Binding { uses, handles, cpu } = binding;
        let bound = Self { place, name, queue, records, uses, handles, cpu };
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
