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

    /// The barriers between its systems, as far as they are known without a registry: what a system finds there is told apart
    /// by type and name, and taken for another resource than any that a field holds. The plan is that of the queues of the
    /// device that handles in fields are of; where there are none, of one queue. Needs no GPU work.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) for what is wrong with the schedule: a cycle, or two systems that touch the same
    /// GPU resource, one of them writing, in stages without an order.
    fn hints(&self) -> Result<Hints> {
        of_schedule(self, None)
    }

    /// The barriers between its systems with the resources of a registry: those of the plan that [`Graph::run`] makes of it.
    ///
    /// [`Graph::run`]: crate::Graph::run
    ///
    /// # Errors
    ///
    /// As [`hints`](Self::hints), and as [`Registry::get`].
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
