//! What goes in one submission: the steps of its dispatches, as one pass.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{
    Item,
    waves::{Touched, Waves},
};
use crate::{
    compute::dispatch::Step,
    error::Result,
    exec::{Encoder, Submit},
    graph::{
        Graph,
        uses::{Declaration, Uses},
    },
};

/// Dispatches of one submission, in the order in which they came.
pub(super) struct Load {
    steps: Arc<[Step]>,
    /// By dispatch, how many of the steps are its.
    lengths: Vec<usize>,
}

impl Load {
    pub(super) fn new(items: &mut [Item]) -> Self {
        let lengths = items.iter().map(|item| item.steps.len()).collect();
        let steps = items.iter_mut().flat_map(|item| item.steps.drain(..)).collect();
        Self { steps, lengths }
    }

    /// Gives the steps back, if nobody else has them any more.
    pub(super) fn unload(self, items: &mut [Item]) {
        let mut first = 0;
        for (item, length) in items.iter_mut().zip(self.lengths) {
            item.steps = self.steps[first..first + length].to_vec();
            first += length;
        }
    }

    /// Records it here and now.
    pub(super) fn submit(&self, items: &[Item]) -> Result<Submit> {
        let graph = Graph::new(&items[0].gpu, "compute");
        let mut pass = graph.pass(self.name());
        *pass.uses() = self.uses();
        let (steps, waves) = (Arc::clone(&self.steps), Waves::of(self.steps.iter().map(touched)));
        pass.record(move |cmd| record(cmd, &steps, &waves));
        Submit::record_here(graph.into_submission()?)
    }

    /// That of its kernel, if they are all of one.
    fn name(&self) -> &str {
        let first = &self.steps[0].name;
        if self.steps.iter().all(|step| step.name == *first) { first } else { "batch" }
    }

    /// What all of them touch.
    fn uses(&self) -> Uses {
        if let [one] = &*self.steps {
            return Uses::of(one.uses.by_address().to_vec());
        }
        let mut all: Vec<Declaration> = Vec::new();
        let mut known: FxHashMap<(usize, [u64; 2]), usize> = FxHashMap::default();
        for used in self.steps.iter().flat_map(|step| step.uses.by_address()) {
            let at = *known.entry((used.resource.id(), used.covered().x)).or_insert(all.len());
            match all.get_mut(at) {
                Some(same) => same.also(used),
                None => all.push(used.clone()),
            }
        }
        Uses::of(all)
    }
}

fn touched(step: &Step) -> impl Iterator<Item = Touched> + Clone {
    step.uses.by_address().iter().map(|used| Touched {
        id: used.resource.id(),
        region: used.covered(),
        mode: used.access.mode,
    })
}

fn record(cmd: &mut Encoder<'_>, steps: &[Step], waves: &Waves) {
    for (wave, numbers) in waves.steps.iter().enumerate() {
        if let Some(before) = wave.checked_sub(1) {
            cmd.between_waves(waves.sees_writes[before]);
        }
        numbers.iter().for_each(|&step| steps[step].record(cmd));
    }
}
