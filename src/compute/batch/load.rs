//! What goes in one submission: the steps of its dispatches, as one pass.

use std::{mem, sync::Arc};

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

/// The steps of one submission, by dispatch, in the order in which they came.
#[derive(Clone)]
pub(super) struct Load(Arc<[Vec<Step>]>);

impl Load {
    pub(super) fn new(items: &mut [Item]) -> Self {
        Self(items.iter_mut().map(|item| mem::take(&mut item.steps)).collect())
    }

    /// Gives the steps back.
    pub(super) fn unload(&self, items: &mut [Item]) {
        items.iter_mut().zip(&*self.0).for_each(|(item, steps)| item.steps.clone_from(steps));
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().flatten()
    }

    /// Records it here and now.
    pub(super) fn submit(&self, items: &[Item]) -> Result<Submit> {
        let graph = Graph::new(&items[0].gpu, "compute");
        let mut pass = graph.pass(self.name());
        *pass.uses() = self.uses();
        let (load, waves) = (self.clone(), Waves::of(self.steps().map(touched)));
        pass.record(move |cmd| load.record(cmd, &waves));
        Submit::record_here(graph.into_submission()?)
    }

    /// That of its kernel, if they are all of one.
    fn name(&self) -> &str {
        let mut names = self.steps().map(|step| &*step.name);
        let first = names.next().unwrap_or_default();
        if names.all(|name| name == first) { first } else { "batch" }
    }

    /// What all of them touch.
    fn uses(&self) -> Uses {
        let mut all: Vec<Declaration> = Vec::new();
        let mut known: FxHashMap<(usize, [u64; 2]), usize> = FxHashMap::default();
        for used in self.steps().flat_map(|step| step.uses.by_address()) {
            let at = *known.entry((used.resource.id(), used.covered().x)).or_insert(all.len());
            match all.get_mut(at) {
                Some(same) => same.also(used),
                None => all.push(used.clone()),
            }
        }
        Uses::of(all)
    }

    fn record(&self, cmd: &mut Encoder<'_>, waves: &Waves) {
        // One wave has all of them in their order.
        if let [_] = &waves.steps[..] {
            return self.steps().for_each(|step| step.record(cmd));
        }
        let steps: Vec<_> = self.steps().collect();
        for (wave, numbers) in waves.steps.iter().enumerate() {
            if let Some(before) = wave.checked_sub(1) {
                cmd.between_waves(waves.sees_writes[before]);
            }
            numbers.iter().for_each(|&step| steps[step].record(cmd));
        }
    }
}

fn touched(step: &Step) -> impl Iterator<Item = Touched> + Clone {
    step.uses.by_address().iter().map(|used| Touched {
        id: used.resource.id(),
        region: used.covered(),
        mode: used.access.mode,
    })
}
