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
    /// Textures are there to be sampled.
    const TEXTURES: Self = Self(16);
    /// A pipeline is bound that samples, and there are none.
    const DISPATCH_LATER: Self = Self(32);
    const DRAW_LATER: Self = Self(64);
    pub(super) const DRAW_INDEXED: Self = Self(Self::DRAW.0 | Self::INDEX.0);

    /// At the beginning of a pass.
    pub(super) fn at_first(queue: QueueKind) -> Self {
        if queue == QueueKind::Transfer { Self::default() } else { Self::PUSH }
    }

    #[inline]
    pub(super) fn has(self, all: Self) -> bool {
        self.0 & all.0 == all.0
    }

    /// After a pipeline that fits was bound, which samples textures or does not.
    pub(super) fn bound(self, bind_point: vk::PipelineBindPoint, samples: bool) -> Self {
        let kept = self.0 & (Self::PUSH.0 | Self::INDEX.0 | Self::TEXTURES.0);
        let later = samples && !self.has(Self::TEXTURES);
        let allowed = match (bind_point, later) {
            (vk::PipelineBindPoint::GRAPHICS, false) => Self::DRAW,
            (vk::PipelineBindPoint::GRAPHICS, true) => Self::DRAW_LATER,
            (_, false) => Self::DISPATCH,
            (_, true) => Self::DISPATCH_LATER,
        };
        Self(kept | allowed.0)
    }

    /// After the pass asked for a texture.
    pub(super) fn textured(self) -> Self {
        let mut all = self.0 | Self::TEXTURES.0;
        for (later, now) in [(Self::DRAW_LATER, Self::DRAW), (Self::DISPATCH_LATER, Self::DISPATCH)] {
            if self.has(later) {
                all = all & !later.0 | now.0;
            }
        }
        Self(all)
    }

    /// Whether all that is missing are textures for the pipeline that is bound.
    pub(super) fn lacks_textures(self) -> bool {
        self.has(Self::DRAW_LATER) || self.has(Self::DISPATCH_LATER)
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
        let graphics = first.bound(P::GRAPHICS, false);
        assert!(graphics.has(Ready::PUSH) && graphics.has(Ready::DRAW) && !graphics.has(Ready::DISPATCH));
        let compute = graphics.bound(P::COMPUTE, false);
        assert!(compute.has(Ready::PUSH) && compute.has(Ready::DISPATCH) && !compute.has(Ready::DRAW));
    }

    #[test]
    fn an_index_buffer_stays_bound_whatever_pipeline_comes_after_it() {
        let indexed = Ready::at_first(QueueKind::Graphics).indexed();
        assert!(!indexed.has(Ready::DRAW_INDEXED));
        let bound = indexed.bound(P::GRAPHICS, false);
        assert!(bound.has(Ready::DRAW_INDEXED) && bound.bound(P::GRAPHICS, false).has(Ready::DRAW_INDEXED));
    }

    #[test]
    fn a_pipeline_that_samples_draws_once_there_are_textures() {
        for (point, command) in [(P::GRAPHICS, Ready::DRAW), (P::COMPUTE, Ready::DISPATCH)] {
            let later = Ready::at_first(QueueKind::Graphics).bound(point, true);
            assert!(!later.has(command) && later.lacks_textures());
            let now = later.textured();
            assert!(now.has(command) && !now.lacks_textures());
            assert!(now.bound(point, true).has(command), "they stay");
            assert!(!later.bound(point, false).lacks_textures(), "another pipeline needs none");
        }
    }

    #[test]
    fn a_transfer_queue_has_no_shaders_to_push_to() {
        assert_eq!(Ready::at_first(QueueKind::Transfer), Ready::default());
    }
}
