//! What may be recorded at this moment.

use ash::vk;

use crate::gpu::QueueKind;

/// What the commands so far allow. Nothing, once one of them was wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ready(u16);

/// What a pipeline needs before it draws or dispatches, each to be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Textures,
    Vertices,
    Instances,
}

impl Need {
    const ALL: [Self; 3] = [Self::Textures, Self::Vertices, Self::Instances];

    fn had(self) -> u16 {
        1 << (self as u16 + 4)
    }

    fn needed(self) -> u16 {
        1 << (self as u16 + 7)
    }
}

impl Ready {
    /// Push constants: there are shaders on this queue.
    pub(super) const PUSH: Self = Self(1);
    /// Dispatches: a compute pipeline is bound outside of rendering, and what it needs.
    pub(super) const DISPATCH: Self = Self(2);
    /// Draws: a graphics pipeline is bound inside rendering, and what it needs.
    pub(super) const DRAW: Self = Self(4);
    /// An index buffer is bound, too.
    pub(super) const INDEX: Self = Self(8);
    /// A pipeline of the kind is bound.
    const COMPUTE: Self = Self(1 << 10);
    const GRAPHICS: Self = Self(1 << 11);
    pub(super) const DRAW_INDEXED: Self = Self(Self::DRAW.0 | Self::INDEX.0);

    /// At the beginning of a pass.
    pub(super) fn at_first(queue: QueueKind) -> Self {
        if queue == QueueKind::Transfer { Self::default() } else { Self::PUSH }
    }

    #[inline]
    pub(super) fn has(self, all: Self) -> bool {
        self.0 & all.0 == all.0
    }

    /// After a pipeline that fits was bound, which needs these.
    pub(super) fn bound(self, bind_point: vk::PipelineBindPoint, needs: impl IntoIterator<Item = Need>) -> Self {
        let had = Need::ALL.into_iter().fold(Self::PUSH.0 | Self::INDEX.0, |all, need| all | need.had());
        let kind = if bind_point == vk::PipelineBindPoint::GRAPHICS { Self::GRAPHICS } else { Self::COMPUTE };
        let needs = needs.into_iter().fold(0, |all, need| all | need.needed());
        Self(self.0 & had | kind.0 | needs).settled()
    }

    /// After something was bound, or another thing in its place, which the pipeline cannot use.
    pub(super) fn having(self, need: Need, has: bool) -> Self {
        let others = self.0 & !need.had();
        Self(if has { others | need.had() } else { others }).settled()
    }

    /// The first of what the pipeline needs that is missing.
    pub(super) fn lacks(self) -> Option<Need> {
        let missing = |need: &Need| self.0 & need.needed() != 0 && self.0 & need.had() == 0;
        Need::ALL.into_iter().find(missing)
    }

    /// After an index buffer was bound.
    pub(super) fn indexed(self) -> Self {
        Self(self.0 | Self::INDEX.0)
    }

    /// A pipeline allows its commands once nothing is missing.
    fn settled(self) -> Self {
        let others = self.0 & !(Self::DRAW.0 | Self::DISPATCH.0);
        let allowed = match self.lacks() {
            None if self.has(Self::GRAPHICS) => Self::DRAW.0,
            None if self.has(Self::COMPUTE) => Self::DISPATCH.0,
            _ => 0,
        };
        Self(others | allowed)
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
        let graphics = first.bound(P::GRAPHICS, []);
        assert!(graphics.has(Ready::PUSH) && graphics.has(Ready::DRAW) && !graphics.has(Ready::DISPATCH));
        let compute = graphics.bound(P::COMPUTE, []);
        assert!(compute.has(Ready::PUSH) && compute.has(Ready::DISPATCH) && !compute.has(Ready::DRAW));
    }

    #[test]
    fn an_index_buffer_stays_bound_whatever_pipeline_comes_after_it() {
        let indexed = Ready::at_first(QueueKind::Graphics).indexed();
        assert!(!indexed.has(Ready::DRAW_INDEXED));
        let bound = indexed.bound(P::GRAPHICS, []);
        assert!(bound.has(Ready::DRAW_INDEXED) && bound.bound(P::GRAPHICS, []).has(Ready::DRAW_INDEXED));
    }

    #[test]
    fn a_pipeline_draws_once_all_is_there_that_it_needs() {
        for (point, command) in [(P::GRAPHICS, Ready::DRAW), (P::COMPUTE, Ready::DISPATCH)] {
            for need in Need::ALL {
                let later = Ready::at_first(QueueKind::Graphics).bound(point, [need]);
                assert!(!later.has(command) && later.lacks() == Some(need));
                let now = later.having(need, true);
                assert!(now.has(command) && now.lacks().is_none());
                assert!(now.bound(point, [need]).has(command), "it stays");
                assert!(!now.having(need, false).has(command), "another one that does not fit takes its place");
                assert_eq!(later.bound(point, []).lacks(), None, "another pipeline needs none");
            }
            let both = Ready::at_first(QueueKind::Graphics).bound(point, [Need::Instances, Need::Vertices]);
            assert_eq!(both.lacks(), Some(Need::Vertices));
            assert_eq!(both.having(Need::Vertices, true).lacks(), Some(Need::Instances));
        }
    }

    #[test]
    fn a_transfer_queue_has_no_shaders_to_push_to() {
        assert_eq!(Ready::at_first(QueueKind::Transfer), Ready::default());
    }
}
