//! What goes in one submission: the steps of its dispatches, as one pass.

use std::{mem, sync::Arc};

use rustc_hash::{FxBuildHasher, FxHashMap};

use super::{
    Item,
    waves::{Touched, Waves},
};
use crate::{
    compute::dispatch::Step,
    error::Result,
    exec::{Encoder, Submit},
    gpu::Gpu,
    graph::{
        Graph,
        ir::Region,
        uses::{Declaration, Uses},
    },
    sync::prim::lock,
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

    /// The dispatches that read what nothing has written, neither what was submitted nor those before them.
    pub(super) fn unwritten(items: &[Item]) -> Vec<usize> {
        let mut written: FxHashMap<usize, Vec<Region>> = FxHashMap::default();
        for used in items.iter().flat_map(|item| &item.steps).flat_map(|step| step.uses.by_address()) {
            if used.access.writes() {
                written.entry(used.resource.id()).or_default();
            }
        }
        let mut unwritten = Vec::new();
        for (number, item) in items.iter().enumerate() {
            for used in item.steps.iter().flat_map(|step| step.uses.by_address()) {
                // What nobody here writes is read alone, so that the graph finds out.
                let Some(before) = written.get_mut(&used.resource.id()) else { continue };
                if used.access.writes() {
                    before.push(used.covered());
                } else if !is_written(used, before) && unwritten.last() != Some(&number) {
                    unwritten.push(number);
                }
            }
        }
        unwritten
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().flatten()
    }

    /// Records it here and now.
    pub(super) fn submit(&self, gpu: &Gpu) -> Result<Submit> {
        let graph = Graph::new(gpu, "compute");
        let mut pass = graph.pass(self.name());
        *pass.uses() = self.uses();
        let (load, waves) = (self.clone(), Waves::of(self.steps().map(touched)));
        pass.record(move |cmd| load.record(cmd, &waves));
        Submit::record_here(graph.into_submission()?.of_kernels())
    }

    /// That of its kernel, if they are all of one; of a single dispatch, that of its last step, which is what others make ready for.
    fn name(&self) -> &str {
        let mut names = self.0.iter().filter_map(|steps| steps.last()).map(|step| &*step.name);
        let first = names.next().unwrap_or_default();
        if names.all(|name| name == first) { first } else { "batch" }
    }

    /// What all of them touch.
    fn uses(&self) -> Uses {
        let most = self.steps().map(|step| step.uses.by_address().len()).sum();
        let mut all: Vec<Declaration> = Vec::with_capacity(most);
        let mut known: FxHashMap<(usize, [u64; 2]), usize> = FxHashMap::with_capacity_and_hasher(most, FxBuildHasher);
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

/// Whether all that is read was written: by what was submitted, or there.
fn is_written(read: &Declaration, there: &[Region]) -> bool {
    let state = lock(read.resource.state());
    if state.is_written(read.covered()) {
        return true;
    }
    let mut left = vec![read.covered()];
    for written in there {
        let outside = |piece: Region| match piece.intersection(written) {
            Some(inner) => piece.around(&inner),
            None => [Some(piece), None, None, None],
        };
        left = left.into_iter().flat_map(outside).flatten().collect();
    }
    left.into_iter().all(|piece| state.is_written(piece))
}
