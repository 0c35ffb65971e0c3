//! A compiled graph: the order of its passes, the barriers between its waves, and how it meets the outside.

use std::fmt;

use super::{
    ir::Structure,
    phase::{
        barriers::{Barrier, Import, barriers},
        groups::groups,
        waves::waves,
    },
};

/// An immutable instruction list. It assumes nothing about the state its resources arrive in: that is worked out
/// when the plan is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Indices of passes in the order of recording: by wave, then as declared.
    pub(crate) order: Vec<usize>,
    /// Whether that is the order in which they were declared.
    pub(crate) as_declared: bool,
    /// For each position in `order`, the barrier to record before it, if any.
    pub(crate) before: Vec<Option<usize>>,
    /// The barrier before each wave.
    pub(crate) barriers: Vec<Barrier>,
    pub(crate) imports: Vec<Import>,
}

/// Figures of a plan, known before anything runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlanStats {
    /// Passes.
    pub passes: usize,
    /// Waves: sets of passes that may overlap on the GPU.
    pub waves: usize,
    /// Barrier calls inside the plan. The one at its entry, if any, is worked out at commit.
    pub barriers: usize,
    /// The fewest barrier calls that any order of these passes could do with: the longest chain minus one.
    pub lower_bound: usize,
}

impl Plan {
    /// Runs the phases.
    pub(crate) fn compile(structure: &Structure) -> Self {
        let groups = groups(structure);
        let waves = waves(structure, &groups);
        let (barriers, imports) = barriers(&groups, &waves);
        let mut order: Vec<_> = (0..waves.len()).collect();
        order.sort_by_key(|&pass| waves[pass]); // stable: as declared within a wave
        let before = first_of_each_wave(&order, &waves, &barriers);
        Self { as_declared: order.is_sorted(), order, before, barriers, imports }
    }

    pub(crate) fn stats(&self) -> PlanStats {
        PlanStats {
            passes: self.order.len(),
            waves: self.barriers.len(),
            barriers: self.barriers.iter().filter(|barrier| !barrier.is_empty()).count(),
            lower_bound: self.barriers.len().saturating_sub(1),
        }
    }
}

fn first_of_each_wave(order: &[usize], waves: &[usize], barriers: &[Barrier]) -> Vec<Option<usize>> {
    let mut last = None;
    let entered = order.iter().map(|&pass| {
        let wave = waves[pass];
        let new = last.replace(wave) != Some(wave);
        (new && !barriers[wave].is_empty()).then_some(wave)
    });
    entered.collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (&pass, before) in self.order.iter().zip(&self.before) {
            if let Some(wave) = before {
                let barrier = &self.barriers[*wave];
                if !barrier.memory.is_empty() {
                    let (source, target) = (barrier.memory.source, barrier.memory.target);
                    writeln!(f, "memory {:?} -> {:?}", source.stages, target.stages)?;
                }
                for image in &barrier.images {
                    let dependency = &image.dependency;
                    write!(f, "image {} {:?} -> {:?}", image.slot, dependency.source.stages, dependency.target.stages)?;
                    match dependency.relayout {
                        Some(change) => writeln!(f, ", {:?} -> {:?}", change.old, change.new)?,
                        None => writeln!(f)?,
                    }
                }
            }
            writeln!(f, "pass {pass}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
