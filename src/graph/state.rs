//! What the last accesses to a resource were, and what the next one must wait for: pure rules.
//!
//! Only a commit advances a [`ResourceState`], under the submission lock; a frame that is dropped changes nothing.

use ash::vk;
use vk::{AccessFlags2, ImageLayout, PipelineStageFlags2};

use crate::{gpu::QueueId, resource::Access, sync::Stamp};

/// Stages and the memory accesses they make: one side of a dependency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) stages: PipelineStageFlags2,
    pub(crate) mask: AccessFlags2,
}

impl Scope {
    pub(crate) fn of(access: &Access) -> Self {
        Self { stages: access.stages, mask: access.mask }
    }

    /// What a later access must have made available: a write's writes.
    pub(crate) fn written_by(access: &Access) -> Self {
        Self { stages: access.stages, mask: access.write_mask() }
    }

    /// Execution only: what a write must wait for after a read.
    pub(crate) fn execution(stages: PipelineStageFlags2) -> Self {
        Self { stages, mask: AccessFlags2::NONE }
    }

    pub(crate) fn covers(&self, other: Self) -> bool {
        self.stages.contains(other.stages) && self.mask.contains(other.mask)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}

impl std::ops::BitOrAssign for Scope {
    fn bitor_assign(&mut self, other: Self) {
        self.stages |= other.stages;
        self.mask |= other.mask;
    }
}

/// An image's change of layout, made by a barrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Relayout {
    pub(crate) old: ImageLayout,
    pub(crate) new: ImageLayout,
}

/// A memory dependency for one resource, with its change of layout if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Dependency {
    pub(crate) source: Scope,
    pub(crate) target: Scope,
    pub(crate) relayout: Option<Relayout>,
}

impl Dependency {
    pub(crate) fn is_empty(&self) -> bool {
        self.source.is_empty() && self.relayout.is_none()
    }
}

/// A use of a resource at a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Touch {
    stamp: Stamp,
    scope: Scope,
}

/// The last accesses to a resource, in commit order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResourceState {
    layout: ImageLayout,
    write: Option<Touch>,
    /// What sees the last write already, on the queue that made it.
    visible: Scope,
    /// Reads since the last write, by queue.
    readers: [Option<Touch>; QueueId::MOST],
}

/// How a plan first touches a resource that it did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) access: Access,
    /// What was there does not matter.
    pub(crate) discard: bool,
}

/// How a plan leaves a resource behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Exit {
    pub(crate) layout: ImageLayout,
    /// The last write (a change of layout counts as one), if there was any.
    pub(crate) write: Option<Scope>,
    /// Who read after it, and so sees it.
    pub(crate) read: Scope,
}

/// What stands between a resource's past and a plan's first access to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) dependency: Dependency,
    /// Points on other queues that must be reached first.
    pub(crate) waits: Vec<Stamp>,
}

impl ResourceState {
    /// The layout that an image is in.
    pub(crate) fn layout(&self) -> ImageLayout {
        self.layout
    }

    /// What must stand before `entry` on `queue`.
    pub(crate) fn arrive(&self, queue: QueueId, entry: &Entry) -> Arrival {
        let mut arrival = Arrival::default();
        let access = &entry.access;
        let relayout = access.layout != ImageLayout::UNDEFINED && access.layout != self.layout;
        let changes = access.writes() || relayout;
        let target = Scope::of(access);
        let source = &mut arrival.dependency.source;
        let mut read_here = false;
        if changes {
            for reader in self.readers.iter().flatten() {
                if reader.stamp.queue == queue {
                    // Execution only: the read changed nothing that would have to be made available.
                    *source |= Scope::execution(reader.scope.stages);
                    read_here = true;
                } else {
                    arrival.waits.push(reader.stamp);
                }
            }
        }
        if let Some(write) = self.write {
            if write.stamp.queue != queue {
                // A semaphore wait makes everything before the signal visible to what waits.
                arrival.waits.push(write.stamp);
            } else if changes && !read_here || !changes && !self.visible.covers(target) {
                // After a reader here, the write is available already and the reader stands between.
                *source |= write.scope;
            }
        }
        if relayout {
            let old = if entry.discard { ImageLayout::UNDEFINED } else { self.layout };
            arrival.dependency.relayout = Some(Relayout { old, new: access.layout });
        }
        if !arrival.dependency.is_empty() {
            arrival.dependency.target = target;
        }
        arrival
    }

    /// Books a plan that was submitted as `stamp`, entered through `arrival`.
    pub(crate) fn depart(&mut self, stamp: Stamp, entry: &Entry, arrival: &Arrival, exit: &Exit) {
        self.layout = exit.layout;
        if let Some(scope) = exit.write {
            self.write = Some(Touch { stamp, scope });
            self.visible = exit.read;
            self.readers = Default::default();
        } else if arrival.dependency.relayout.is_some() {
            // A layout transition counts as a write; the barrier showed it to its target.
            self.write = Some(Touch { stamp, scope: Scope::execution(entry.access.stages) });
            self.visible = arrival.dependency.target;
            self.readers = Default::default();
        } else if !arrival.dependency.is_empty() {
            self.visible |= arrival.dependency.target;
        }
        if !exit.read.is_empty() {
            self.read_by(Touch { stamp, scope: exit.read });
        }
    }

    fn read_by(&mut self, touch: Touch) {
        let reader = &mut self.readers[touch.stamp.queue.index()];
        let before = reader.map(|reader| reader.scope).unwrap_or_default();
        let reader = reader.insert(touch);
        reader.scope |= before;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vk::PipelineStageFlags2 as S;

    const GRAPHICS: QueueId = QueueId(0);
    const TRANSFER: QueueId = QueueId(1);

    fn entry(access: Access) -> Entry {
        Entry { access, discard: false }
    }

    fn exit(access: Access) -> Exit {
        if access.writes() {
            Exit { layout: access.layout, write: Some(Scope::written_by(&access)), read: Scope::default() }
        } else {
            Exit { layout: access.layout, write: None, read: Scope::of(&access) }
        }
    }

    fn touch(state: &mut ResourceState, queue: QueueId, value: u64, access: Access) -> Arrival {
        let arrival = state.arrive(queue, &entry(access));
        state.depart(Stamp { queue, value }, &entry(access), &arrival, &exit(access));
        arrival
    }

    #[test]
    fn the_first_use_of_a_buffer_waits_for_nothing() {
        let arrival = touch(&mut ResourceState::default(), GRAPHICS, 1, Access::COPY_TARGET);
        assert_eq!(arrival, Arrival::default());
    }

    #[test]
    fn a_read_after_a_write_is_a_memory_dependency_once() {
        let mut state = ResourceState::default();
        touch(&mut state, GRAPHICS, 1, Access::storage_write(S::COMPUTE_SHADER));
        let first = touch(&mut state, GRAPHICS, 2, Access::INDIRECT);
        assert_eq!(
            first.dependency.source,
            Scope { stages: S::COMPUTE_SHADER, mask: AccessFlags2::SHADER_STORAGE_WRITE }
        );
        assert_eq!(first.dependency.target, Scope::of(&Access::INDIRECT));
        assert!(touch(&mut state, GRAPHICS, 3, Access::INDIRECT).dependency.is_empty(), "it is visible already");
        assert!(!touch(&mut state, GRAPHICS, 4, Access::INDEX).dependency.is_empty(), "to that stage it is not");
    }

    #[test]
    fn a_write_after_reads_waits_for_their_execution_only() {
        let mut state = ResourceState::default();
        touch(&mut state, GRAPHICS, 1, Access::COPY_TARGET);
        touch(&mut state, GRAPHICS, 2, Access::INDIRECT);
        touch(&mut state, GRAPHICS, 3, Access::INDEX);
        let arrival = touch(&mut state, GRAPHICS, 4, Access::COPY_TARGET);
        assert_eq!(arrival.dependency.source, Scope::execution(S::DRAW_INDIRECT | S::INDEX_INPUT));
        assert_eq!(
            touch(&mut state, GRAPHICS, 5, Access::COPY_TARGET).dependency.source.mask,
            AccessFlags2::TRANSFER_WRITE
        );
    }

    #[test]
    fn another_queue_is_waited_for_at_its_stamp() {
        let mut state = ResourceState::default();
        touch(&mut state, TRANSFER, 7, Access::COPY_TARGET);
        let read = touch(&mut state, GRAPHICS, 3, Access::storage_read(S::COMPUTE_SHADER));
        assert_eq!(read.waits, [Stamp { queue: TRANSFER, value: 7 }]);
        assert!(read.dependency.is_empty());
        let write = touch(&mut state, TRANSFER, 8, Access::COPY_TARGET);
        assert_eq!(write.waits, [Stamp { queue: GRAPHICS, value: 3 }]);
    }

    #[test]
    fn an_image_changes_layout_once_and_a_discard_forgets_the_old_one() {
        let mut state = ResourceState::default();
        let clear = Entry { access: Access::COLOR_ATTACHMENT, discard: true };
        let first = state.arrive(GRAPHICS, &clear);
        let undefined_to_color = Relayout { old: ImageLayout::UNDEFINED, new: ImageLayout::COLOR_ATTACHMENT_OPTIMAL };
        assert_eq!(first.dependency.relayout, Some(undefined_to_color));
        state.depart(Stamp { queue: GRAPHICS, value: 1 }, &clear, &first, &exit(Access::COLOR_ATTACHMENT));
        let read = touch(&mut state, GRAPHICS, 2, Access::IMAGE_COPY_SOURCE);
        assert_eq!(read.dependency.relayout.map(|change| change.old), Some(ImageLayout::COLOR_ATTACHMENT_OPTIMAL));
        assert!(touch(&mut state, GRAPHICS, 3, Access::IMAGE_COPY_SOURCE).dependency.is_empty());
        let again = state.arrive(GRAPHICS, &clear);
        assert_eq!(again.dependency.relayout, Some(undefined_to_color));
        assert_eq!(again.dependency.source, Scope::execution(S::ALL_TRANSFER));
    }
}
