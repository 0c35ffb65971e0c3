//! Which queues a device gives, and who uses which.

use ash::vk;
use vk::QueueFlags as Q;

use crate::graph::ir::QueueMap;

/// A kind of work that a queue takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueueKind {
    /// Rendering, and everything else.
    Graphics,
    /// Dispatches beside rendering. The graphics queue, where the device has no family for it.
    Compute,
    /// Copies beside everything else. The graphics queue, where the device has no family for it.
    Transfer,
}

/// One of a device's distinct queues. The graphics queue has the number zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QueueId(pub(crate) u8);

impl QueueId {
    /// The graphics queue, which every device has.
    pub(crate) const GRAPHICS: Self = Self(0);
    /// As many queues as there are kinds.
    pub(crate) const MOST: usize = 3;

    /// The queue's place in tables that have an entry per queue.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One distinct queue.
#[derive(Clone, Debug)]
pub(crate) struct QueueInfo {
    pub(crate) raw: vk::Queue,
    pub(crate) family: u32,
    /// Valid bits of a timestamp taken on it; zero where it can take none.
    pub(crate) timestamp_bits: u32,
    pub(crate) name: &'static str,
}

/// The queues of one device.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Each distinct queue; the graphics queue first.
    pub(crate) all: Vec<QueueInfo>,
    roles: [QueueId; 3],
    /// Each family once: what a buffer that all queues use is shared between.
    pub(crate) families: Vec<u32>,
    /// What plans must know of them.
    pub(crate) map: QueueMap,
}

impl Queues {
    /// Sorts out which of the handles, given per role, are the same queue.
    pub(crate) fn new(roles: [(vk::Queue, u32); 3], families: &[vk::QueueFamilyProperties]) -> Self {
        let names = ["graphics", "compute", "transfer"];
        let (roles_of, map) = ([QueueId::GRAPHICS; 3], QueueMap::one());
        let mut queues = Self { all: Vec::new(), roles: roles_of, families: Vec::new(), map };
        for (role, (raw, family)) in roles.into_iter().enumerate() {
            let known = queues.all.iter().position(|queue| queue.raw == raw);
            queues.roles[role] = QueueId(known.unwrap_or(queues.all.len()) as u8);
            if known.is_some() {
                continue;
            }
            let properties = families.get(family as usize).copied().unwrap_or_default();
            queues.all.push(QueueInfo {
                raw,
                family,
                timestamp_bits: properties.timestamp_valid_bits,
                name: names[role],
            });
            if !queues.families.contains(&family) {
                queues.families.push(family);
            }
        }
        let families = queues.all.iter().map(|queue| queue.family).collect();
        queues.map = QueueMap { of_kind: queues.roles, families };
        queues
    }

    /// The kind of work that a queue was made for.
    pub(crate) fn kind(&self, id: QueueId) -> QueueKind {
        let kinds = [QueueKind::Graphics, QueueKind::Compute, QueueKind::Transfer];
        kinds.into_iter().find(|&kind| self.id(kind) == id).unwrap_or(QueueKind::Graphics)
    }

    /// The queue that takes work of this kind.
    pub(crate) fn id(&self, kind: QueueKind) -> QueueId {
        self.roles[kind as usize]
    }

    /// A queue by its number, which must come from this device.
    pub(crate) fn get(&self, id: QueueId) -> &QueueInfo {
        &self.all[id.index()]
    }

    /// How many distinct queues there are: one to three.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }
}

/// The family for each role; equal numbers share one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Families {
    pub(crate) graphics: u32,
    pub(crate) compute: u32,
    pub(crate) transfer: u32,
}

impl Families {
    /// Chooses among a device's families; `None` where no family renders and computes.
    pub(crate) fn choose(families: &[vk::QueueFamilyProperties]) -> Option<Self> {
        let graphics = leanest(families, Q::GRAPHICS | Q::COMPUTE, Q::empty())?;
        let compute = leanest(families, Q::COMPUTE, Q::GRAPHICS).unwrap_or(graphics);
        let transfer = leanest(families, Q::TRANSFER, Q::GRAPHICS | Q::COMPUTE).unwrap_or(graphics);
        Some(Self { graphics, compute, transfer })
    }

    /// The families in the order of the roles.
    pub(crate) fn roles(self) -> [u32; 3] {
        [self.graphics, self.compute, self.transfer]
    }

    /// Each family once.
    pub(crate) fn distinct(self) -> Vec<u32> {
        let mut families = self.roles().to_vec();
        families.sort_unstable();
        families.dedup();
        families
    }
}

/// The first family with all of `with`, none of `without`, and the fewest abilities beside: a family for video or optical
/// flow can copy too, but copying engines are what the plain one stands for.
fn leanest(families: &[vk::QueueFamilyProperties], with: Q, without: Q) -> Option<u32> {
    let fits = |family: &vk::QueueFamilyProperties| {
        family.queue_count > 0 && family.queue_flags.contains(with) && !family.queue_flags.intersects(without)
    };
    let fitting = families.iter().enumerate().filter(|(_, family)| fits(family));
    fitting.min_by_key(|(_, family)| family.queue_flags.as_raw().count_ones()).map(|(index, _)| index as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ash::vk::Handle;

    fn family(flags: Q, count: u32) -> vk::QueueFamilyProperties {
        vk::QueueFamilyProperties::default().queue_flags(flags).queue_count(count).timestamp_valid_bits(64)
    }

    fn nvidia() -> Vec<vk::QueueFamilyProperties> {
        vec![
            family(Q::GRAPHICS | Q::COMPUTE | Q::TRANSFER | Q::SPARSE_BINDING, 16),
            family(Q::TRANSFER | Q::SPARSE_BINDING | Q::VIDEO_DECODE_KHR, 1),
            family(Q::TRANSFER | Q::SPARSE_BINDING, 2),
            family(Q::COMPUTE | Q::TRANSFER | Q::SPARSE_BINDING, 8),
        ]
    }

    #[test]
    fn dedicated_families_are_taken_where_they_exist() {
        let families = Families::choose(&nvidia()).unwrap();
        assert_eq!(families, Families { graphics: 0, compute: 3, transfer: 2 });
        assert_eq!(families.distinct(), [0, 2, 3]);
    }

    #[test]
    fn a_single_family_serves_every_role() {
        let families = Families::choose(&[family(Q::GRAPHICS | Q::COMPUTE | Q::TRANSFER, 1)]).unwrap();
        assert_eq!(families, Families { graphics: 0, compute: 0, transfer: 0 });
        assert_eq!(families.distinct(), [0]);
    }

    #[test]
    fn graphics_is_found_behind_other_families() {
        let families =
            [family(Q::COMPUTE | Q::TRANSFER, 2), family(Q::GRAPHICS, 1), family(Q::GRAPHICS | Q::COMPUTE, 1)];
        assert_eq!(Families::choose(&families), Some(Families { graphics: 2, compute: 0, transfer: 2 }));
    }

    #[test]
    fn a_family_without_queues_does_not_count() {
        let families = [family(Q::GRAPHICS | Q::COMPUTE, 1), family(Q::TRANSFER, 0)];
        assert_eq!(Families::choose(&families).unwrap().transfer, 0);
    }

    #[test]
    fn a_device_that_cannot_render_has_no_choice() {
        assert_eq!(Families::choose(&[family(Q::COMPUTE | Q::TRANSFER, 4)]), None);
        assert_eq!(Families::choose(&[]), None);
    }

    #[test]
    fn roles_with_one_handle_share_one_queue() {
        let queue = vk::Queue::from_raw;
        let queues = Queues::new([(queue(1), 0), (queue(1), 0), (queue(2), 2)], &nvidia());
        assert_eq!((queues.len(), queues.families.as_slice()), (2, [0, 2].as_slice()));
        assert_eq!(queues.id(QueueKind::Graphics), QueueId::GRAPHICS);
        assert_eq!(queues.id(QueueKind::Compute), QueueId::GRAPHICS);
        let transfer = queues.get(queues.id(QueueKind::Transfer));
        assert_eq!((transfer.name, transfer.family, transfer.timestamp_bits), ("transfer", 2, 64));
    }
}
