//! The plans of a renderer's last frames.

use std::{
    hash::BuildHasher,
    sync::{Arc, Mutex},
};

use rustc_hash::FxBuildHasher;

use super::{
    compiled::{Compiled, Fault},
    ir::{QueueMap, Structure},
};
use crate::sync::prim::lock;

/// Plans kept: a renderer alternates between few shapes of frames.
const KEPT: usize = 8;

/// Plans by what they were compiled from. The hash only saves comparisons: what is found was compared in full.
#[derive(Default)]
pub(crate) struct PlanCache {
    /// The one used last is last.
    plans: Mutex<Vec<Cached>>,
}

struct Cached {
    hash: u64,
    structure: Structure,
    queues: QueueMap,
    plan: Kept,
}

/// A plan, and what its passes cost to record last time, by position and in nanoseconds: empty before the first.
#[derive(Clone)]
pub(crate) struct Kept {
    pub(crate) compiled: Arc<Compiled>,
    pub(crate) costs: Arc<Mutex<Vec<u64>>>,
}

impl PlanCache {
    /// The plan of `structure` on `queues`, compiled if it is not at hand.
    ///
    /// # Errors
    ///
    /// What is wrong with the graph. Faults are not kept.
    pub(crate) fn get(&self, structure: &Structure, queues: &QueueMap) -> Result<Kept, Fault> {
        let hash = FxBuildHasher.hash_one(structure);
        if let Some(known) = self.find(hash, structure, queues) {
            return Ok(known);
        }
        // Not under the lock: other frames go on meanwhile.
        let compiled = Arc::new(Compiled::compile(structure, queues)?);
        let plan = Kept { compiled, costs: Arc::default() };
        let mut plans = lock(&self.plans);
        if plans.len() == KEPT {
            plans.remove(0);
        }
        plans.push(Cached { hash, structure: structure.clone(), queues: queues.clone(), plan: plan.clone() });
        Ok(plan)
    }

    fn find(&self, hash: u64, structure: &Structure, queues: &QueueMap) -> Option<Kept> {
        let mut plans = lock(&self.plans);
        let same = |known: &Cached| known.hash == hash && known.queues == *queues && known.structure == *structure;
        let index = plans.iter().rposition(same)?;
        plans[index..].rotate_left(1);
        plans.last().map(|found| found.plan.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        graph::ir::{PassShape, SlotShape, SlotUse},
        resource::Access,
    };

    fn structure(slots: usize) -> Structure {
        let mut structure = Structure::default();
        let access = Access::COPY_TARGET;
        let uses: Vec<_> = (0..slots)
            .map(|_| SlotUse {
                slot: structure.slot(SlotShape::Buffer { bytes: 4 }),
                region: None,
                access,
                discard: false,
            })
            .collect();
        structure.push(PassShape::default(), uses, &[]);
        structure
    }

    #[test]
    fn the_same_structure_has_the_same_plan_until_enough_others_came() {
        let cache = PlanCache::default();
        let get = |slots| cache.get(&structure(slots), &QueueMap::one()).expect("a legal graph").compiled;
        let first = get(1);
        for slots in 2..=KEPT {
            get(slots);
            assert!(Arc::ptr_eq(&first, &get(1)), "used again, so kept");
        }
        for slots in 10..10 + KEPT {
            get(slots);
        }
        assert!(!Arc::ptr_eq(&first, &get(1)));
    }

    #[test]
    fn other_queues_are_another_plan() {
        let cache = PlanCache::default();
        let two = QueueMap { of_kind: [QueueMap::one().of_kind[0]; 3], families: vec![3] };
        let first = cache.get(&structure(1), &QueueMap::one()).expect("a legal graph").compiled;
        let second = cache.get(&structure(1), &two).expect("a legal graph").compiled;
        assert!(!Arc::ptr_eq(&first, &second));
    }
}
