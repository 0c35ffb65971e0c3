//! What may be recorded at this moment.

use ash::vk;

use crate::gpu::QueueKind;

/// What the commands so far allow. Nothing, once one of them was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ready(u8);

impl Ready {
    /// Push constants: there are shaders on this queue.
    pub(super) const PUSH: Self = Self(1);
    /// Dispatches: a compute pipeline is bound outside of rendering.
    pub(super) const DISPATCH: Self = Self(2);
    /// Draws: a graphics pipeline is bound inside rendering.
    pub(super) const DRAW: Self = Self(4);
    /// An index buffer is bound, too.
    pub(super) const INDEX: Self = Self(8);
    pub(super) const DRAW_INDEXED: Self = Self(Self::DRAW.0 | Self::INDEX.0);

    /// At the beginning of a pass.
    pub(super) fn at_first(queue: QueueKind) -> Self {
        if queue == QueueKind::Transfer { Self::default() } else { Self::PUSH }
    }

    #[inline]
    pub(super) fn has(self, all: Self) -> bool {
        self.0 & all.0 == all.0
    }

    /// After a pipeline that fits was bound.
    pub(super) fn bound(self, bind_point: vk::PipelineBindPoint) -> Self {
        let kept = self.0 & (Self::PUSH.0 | Self::INDEX.0);
        match bind_point {
            vk::PipelineBindPoint::GRAPHICS => Self(kept | Self::DRAW.0),
            _ => Self(kept | Self::DISPATCH.0),
        }
    }

    /// After an index buffer was bound.
    pub(super) fn indexed(self) -> Self {
        Self(self.0 | Self::INDEX.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vk::PipelineBindPoint as P;

    #[test]
    fn a_pipeline_allows_its_own_commands_only() {
        let first = Ready::at_first(QueueKind::Graphics);
        assert!(first.has(Ready::PUSH) && !first.has(Ready::DRAW) && !first.has(Ready::DISPATCH));
        let graphics = first.bound(P::GRAPHICS);
        assert!(graphics.has(Ready::PUSH) && graphics.has(Ready::DRAW) && !graphics.has(Ready::DISPATCH));
        let compute = graphics.bound(P::COMPUTE);
        assert!(compute.has(Ready::PUSH) && compute.has(Ready::DISPATCH) && !compute.has(Ready::DRAW));
    }

    #[test]
    fn an_index_buffer_stays_bound_whatever_pipeline_comes_after_it() {
        let indexed = Ready::at_first(QueueKind::Graphics).indexed();
        assert!(!indexed.has(Ready::DRAW_INDEXED));
        assert!(indexed.bound(P::GRAPHICS).has(Ready::DRAW_INDEXED));
        assert!(indexed.bound(P::GRAPHICS).bound(P::GRAPHICS).has(Ready::DRAW_INDEXED));
    }

    #[test]
    fn a_transfer_queue_has_no_shaders_to_push_to() {
        assert_eq!(Ready::at_first(QueueKind::Transfer), Ready::default());
    }
}
