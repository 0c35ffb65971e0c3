//! Schedules: systems in named stages.

use std::sync::Arc;

use crate::{
    error::Result,
    graph::{
        Graph,
        hints::{Hints, of_schedule},
    },
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

    /// The schedule as a Mermaid flowchart.
    #[must_use]
    fn to_mermaid(&self) -> String {
        unimplemented!()
    }

    /// The schedule as a Graphviz graph.
    #[must_use]
    fn to_dot(&self) -> String {
        unimplemented!()
    }
}

/// The CPU systems of one run of a schedule.
#[derive(Debug)]
#[must_use = "await `finished` to learn how its CPU systems ended"]
pub struct Scheduled {}

impl Scheduled {
    /// Waits until its CPU systems have ended.
    ///
    /// # Errors
    ///
    /// The first error of one of them.
    pub async fn finished(&self) -> Result<()> {
        unimplemented!()
    }
}

impl Graph {
    /// Adds a schedule: a pass for each of its GPU systems, a job for each of its CPU systems.
    ///
    /// # Errors
    ///
    /// What is wrong with the schedule, and as [`Registry::get`].
    pub fn run<S: Schedule>(&self, schedule: &Arc<S>, registry: &Registry) -> Result<Scheduled> {
        let _ = (schedule, registry);
        unimplemented!()
    }

    /// Adds one system.
    ///
    /// # Errors
    ///
    /// As [`Registry::get`].
    pub fn add_from(&self, registry: &Registry, system: impl Member) -> Result<Scheduled> {
        let _ = (registry, system);
        unimplemented!()
    }
}
