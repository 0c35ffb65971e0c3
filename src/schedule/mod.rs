//! Schedules: systems in named stages.

mod bound;
mod conflicts;
mod drawing;
mod order;
mod run;
#[cfg(test)]
mod tests;
mod turns;

pub use run::Scheduled;

pub(crate) use bound::Bound;
pub(crate) use order::Order;

use crate::{
    error::Result,
    graph::hints::{Hints, of_schedule},
    system::{Member, Registry},
};

/// A stage of a schedule, as `#[derive(Schedule)]` writes it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: &'static str,
    /// The names of the stages that it comes after.
    pub after: &'static [&'static str],
    /// How many systems it has.
    pub members: usize,
}

/// Systems in named stages.
pub trait Schedule: Send + Sync + Sized + 'static {
    /// The stages, as they are declared.
    const STAGES: &'static [Stage];

    /// The schedule's name.
    const NAME: &'static str;

    /// A system of a stage.
    fn member(&self, stage: usize, index: usize) -> Option<&dyn Member>;

    /// What stands between its stages, as far as that is known without a registry.
    ///
    /// # Errors
    ///
    /// What is wrong with the schedule.
    fn hints(&self) -> Result<Hints> {
        of_schedule(self, None)
    }

    /// What stands between its stages, with the resources of a registry.
    ///
    /// # Errors
    ///
    /// What is wrong with the schedule, and as [`Registry::get`].
    fn hints_in(&self, registry: &Registry) -> Result<Hints> {
        of_schedule(self, Some(registry))
    }

    /// The schedule as a Mermaid flowchart: a frame for each stage, in it its systems, rounded those that run on the CPU;
    /// arrows lead from a stage to those that come after it.
    #[must_use]
    fn to_mermaid(&self) -> String {
        drawing::mermaid(self)
    }

    /// The same as a DOT graph, for Graphviz.
    #[must_use]
    fn to_dot(&self) -> String {
        drawing::dot(self)
    }
}
