//! Numbers for the resources of a graph.

use rustc_hash::FxHashMap;

use super::ir::Structure;
use crate::resource::Resource;

/// As many are found faster by looking at each than by hashing.
const FEW: usize = 32;

/// The distinct resources of a graph, numbered as they come.
#[derive(Default)]
pub(crate) struct Slots {
    resources: Vec<Resource>,
    /// By id, once there are more than a few.
    index: FxHashMap<usize, usize>,
}

impl Slots {
    pub(crate) fn with_capacity(slots: usize) -> Self {
        Self { resources: Vec::with_capacity(slots), index: FxHashMap::default() }
    }

    /// The number of `resource` in `structure`, a new one if it has none.
    pub(crate) fn of(&mut self, structure: &mut Structure, resource: &Resource) -> usize {
        let id = resource.id();
        let found = match self.resources.len() {
            ..=FEW => self.resources.iter().position(|known| known.id() == id),
            _ => self.index.get(&id).copied(),
        };
        found.unwrap_or_else(|| self.add(structure, id, resource.clone()))
    }

    fn add(&mut self, structure: &mut Structure, id: usize, resource: Resource) -> usize {
        let slot = structure.slot(resource.shape());
        self.resources.push(resource);
        match self.resources.len() {
            ..=FEW => {}
            // The step from few to many: all of them.
            count if count == FEW + 1 => {
                self.index = self.resources.iter().enumerate().map(|(slot, known)| (known.id(), slot)).collect();
            }
            _ => drop(self.index.insert(id, slot)),
        }
        slot
    }

    /// The resources, by number.
    pub(crate) fn all(&self) -> &[Resource] {
        &self.resources
    }

    /// The resources, by number.
    pub(crate) fn into_resources(self) -> Vec<Resource> {
        self.resources
    }
}
