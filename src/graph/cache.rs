//! The plans of a renderer's last frames.

use std::sync::{Arc, Mutex};

use super::{ir::Structure, plan::Plan};
use crate::sync::prim::lock;

/// Plans kept: a renderer alternates between few shapes of frames.
const KEPT: usize = 8;

/// Plans by the structure that they were compiled from, compared in full.
#[derive(Default)]
pub(crate) struct PlanCache {
    /// The one used last is last.
    plans: Mutex<Vec<(Structure, Arc<Plan>)>>,
}

impl PlanCache {
    /// The plan of `structure`, compiled if it is not at hand.
    pub(crate) fn get(&self, structure: Structure) -> Arc<Plan> {
        let mut plans = lock(&self.plans);
        if let Some(index) = plans.iter().rposition(|(known, _)| *known == structure) {
            let found = plans.remove(index);
            let plan = Arc::clone(&found.1);
            plans.push(found);
            return plan;
        }
        drop(plans);
        let plan = Arc::new(Plan::compile(&structure));
        let mut plans = lock(&self.plans);
        if plans.len() == KEPT {
            plans.remove(0);
        }
        plans.push((structure, Arc::clone(&plan)));
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{graph::ir::SlotUse, resource::Access};

    fn structure(slots: usize) -> Structure {
        let mut structure = Structure::default();
        structure.push((0..slots).map(|slot| SlotUse { slot, access: Access::COPY_TARGET, discard: false }));
        structure
    }

    #[test]
    fn the_same_structure_has_the_same_plan_until_enough_others_came() {
        let cache = PlanCache::default();
        let first = cache.get(structure(1));
        for slots in 2..=KEPT {
            cache.get(structure(slots));
            assert!(Arc::ptr_eq(&first, &cache.get(structure(1))), "used again, so kept");
        }
        for slots in 10..10 + KEPT {
            cache.get(structure(slots));
        }
        assert!(!Arc::ptr_eq(&first, &cache.get(structure(1))));
    }
}
