//! Puts every pass into the earliest wave that its groups allow, then some later.

use super::{cull::Culled, groups::Groups, regions::Touches};
use crate::graph::ir::{SlotShape, Structure};

/// When the passes run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Waves {
    /// By pass; those of culled ones do not count.
    pub(crate) of: Vec<u32>,
    /// How many there are: as many as passes on the longest dependent chain, so none needs fewer.
    pub(crate) count: u32,
}

/// The waves of all live passes.
pub(crate) fn waves(structure: &Structure, touches: &Touches, culled: &Culled, groups: &Groups) -> Waves {
    let mut waves = earliest(structure, touches, culled, groups);
    if structure.shapes().iter().any(|shape| shape.is_transient()) {
        Late::new(structure, touches, culled, groups, &mut waves).shorten();
    }
    waves
}

fn earliest(structure: &Structure, touches: &Touches, culled: &Culled, groups: &Groups) -> Waves {
    // By group, the first wave after all of its members.
    let mut ends = vec![0; groups.all.len()];
    let mut waves = Waves { of: vec![0; structure.passes()], count: 0 };
    for &pass in &culled.live {
        let named = structure.after(pass as usize).filter(|&before| culled.is_live[before]);
        let mut wave = named.map(|before| waves.of[before] + 1).max().unwrap_or(0);
        for touch in touches.range(pass) {
            // The group before is complete here: all of its members come before this pass.
            let before = groups.all[groups.of_touch(touch) as usize].previous;
            wave = wave.max(ends.get(before as usize).copied().unwrap_or(0));
        }
        for touch in touches.range(pass) {
            let end: &mut u32 = &mut ends[groups.of_touch(touch) as usize];
            *end = (*end).max(wave + 1);
        }
        waves.of[pass as usize] = wave;
        waves.count = waves.count.max(wave + 1);
    }
    waves
}

/// Moves passes later where that shortens the lives of transients.
struct Late<'a> {
    structure: &'a Structure,
    touches: &'a Touches,
    culled: &'a Culled,
    groups: &'a Groups,
    waves: &'a mut Waves,
    /// By slot.
    lives: Vec<Life>,
    /// By group: the first wave of its members that have their final wave.
    starts: Vec<u32>,
    /// By pass: the last wave that those who name it allow.
    limits: Vec<u32>,
}

/// A transient's life so far.
#[derive(Clone, Copy)]
struct Life {
    bytes: u64,
    first: u32,
    last: u32,
    /// How many touch it in its first wave.
    openers: u32,
}

impl<'a> Late<'a> {
    fn new(
        structure: &'a Structure,
        touches: &'a Touches,
        culled: &'a Culled,
        groups: &'a Groups,
        waves: &'a mut Waves,
    ) -> Self {
        let last = waves.count.saturating_sub(1);
        let lives = lives(structure, touches, culled, waves);
        let (starts, limits) = (vec![u32::MAX; groups.all.len()], vec![last; structure.passes()]);
        Self { structure, touches, culled, groups, waves, lives, starts, limits }
    }

    /// From the last pass to the first: whatever comes after a pass has its final wave by then.
    fn shorten(&mut self) {
        for &pass in self.culled.live.iter().rev() {
            let (wave, limit) = (self.waves.of[pass as usize], self.limit(pass));
            if limit > wave && self.gain(pass, wave, limit) > 0 {
                self.waves.of[pass as usize] = limit;
            }
            self.settle(pass);
        }
    }

    fn limit(&self, pass: u32) -> u32 {
        let before_next = |touch: usize| {
            let next = self.groups.all[self.groups.of_touch(touch) as usize].next;
            // A pass is in an earlier wave than the group after its own, so that one never starts in wave zero.
            self.starts.get(next as usize).map_or(u32::MAX, |&start| start.saturating_sub(1))
        };
        let data = self.touches.range(pass).map(before_next).min().unwrap_or(u32::MAX);
        data.min(self.limits[pass as usize])
    }

    /// How many bytes times waves of transients' lives a move saves.
    fn gain(&self, pass: u32, wave: u32, to: u32) -> i128 {
        let mut gain = 0;
        for touch in self.touches.of(pass) {
            let life = &self.lives[self.touches.slot(touch)];
            let bytes = i128::from(life.bytes);
            if life.first == wave && life.openers == 1 {
                gain += bytes * i128::from(to - wave);
            }
            gain -= bytes * i128::from(to.saturating_sub(life.last));
        }
        gain
    }

    fn settle(&mut self, pass: u32) {
        let wave = self.waves.of[pass as usize];
        for touch in self.touches.range(pass) {
            let start = &mut self.starts[self.groups.of_touch(touch) as usize];
            *start = (*start).min(wave);
            let life = &mut self.lives[self.touches.slot(&self.touches.all[touch])];
            life.last = life.last.max(wave);
        }
        for before in self.structure.after(pass as usize) {
            self.limits[before] = self.limits[before].min(wave.saturating_sub(1));
        }
    }
}

fn lives(structure: &Structure, touches: &Touches, culled: &Culled, waves: &Waves) -> Vec<Life> {
    let bytes = |shape: &SlotShape| match shape {
        SlotShape::TransientBuffer { bytes } => *bytes,
        SlotShape::TransientImage(image) => image.bytes,
        _ => 0,
    };
    let life = |shape| Life { bytes: bytes(shape), first: u32::MAX, last: 0, openers: 0 };
    let mut lives: Vec<_> = structure.shapes().iter().map(life).collect();
    // By slot: the pass that touched it last, for a pass may touch several atoms of one slot.
    let mut last = vec![u32::MAX; lives.len()];
    for &pass in &culled.live {
        let wave = waves.of[pass as usize];
        for slot in touches.of(pass).iter().map(|touch| touches.slot(touch)) {
            let again = std::mem::replace(&mut last[slot], pass) == pass;
            lives[slot].touch(wave, u32::from(!again));
        }
    }
    lives
}

impl Life {
    fn touch(&mut self, wave: u32, passes: u32) {
        if wave < self.first {
            (self.first, self.openers) = (wave, 0);
        }
        if wave == self.first {
            self.openers += passes;
        }
        self.last = self.last.max(wave);
    }
}

#[cfg(test)]
mod tests {
    use ash::vk::PipelineStageFlags2 as S;

    use super::*;
    use crate::{
        gpu::QueueId,
        graph::{
            ir::{PassShape, SlotUse},
            phase::{cull::cull, groups::groups, regions::touches},
        },
        resource::Access,
    };

    const READ: Access = Access::storage_read(S::COMPUTE_SHADER);
    const WRITE: Access = Access::storage_write(S::COMPUTE_SHADER);
    const BUFFER: SlotShape = SlotShape::Buffer { bytes: 4 };

    /// What a pass touches, and what it comes after.
    type Pass<'a> = (&'a [(usize, Access)], &'a [usize]);

    fn of(slots: &[SlotShape], passes: &[Pass<'_>]) -> Vec<u32> {
        let mut structure = Structure::default();
        slots.iter().for_each(|&shape| _ = structure.slot(shape));
        for (uses, after) in passes {
            let uses = uses.iter().map(|&(slot, access)| SlotUse { slot, region: None, access, discard: false });
            structure.push(PassShape::default(), uses, after);
        }
        let touches = touches(&structure).expect("few pieces");
        let culled = cull(&structure, &touches, (0..passes.len() as u32).collect());
        let groups = groups(&structure, &touches, &culled.live, &vec![QueueId::GRAPHICS; passes.len()]);
        waves(&structure, &touches, &culled, &groups).of
    }

    #[test]
    fn independent_passes_share_the_first_wave() {
        // 0 ─▶ 1   and 2 alone
        assert_eq!(of(&[BUFFER; 2], &[(&[(0, WRITE)], &[]), (&[(0, READ)], &[]), (&[(1, WRITE)], &[])]), [0, 1, 0]);
    }

    #[test]
    fn what_a_pass_names_is_in_an_earlier_wave() {
        assert_eq!(of(&[BUFFER; 2], &[(&[(0, WRITE)], &[]), (&[(1, WRITE)], &[0])]), [0, 1]);
    }

    #[test]
    fn a_writer_of_a_transient_moves_to_its_reader() {
        // 0 ─▶ 1 ─▶ 3
        //        2 ─┘ (transient)
        let slots = [BUFFER, BUFFER, SlotShape::TransientBuffer { bytes: 64 }];
        let chain: [Pass<'_>; 4] = [
            (&[(0, WRITE)], &[]),
            (&[(0, READ), (1, WRITE)], &[]),
            (&[(2, WRITE)], &[]),
            (&[(1, READ), (2, READ), (0, WRITE)], &[]),
        ];
        assert_eq!(of(&slots, &chain), [0, 1, 1, 2]);
    }

    #[test]
    fn a_pass_stays_where_moving_would_lengthen_the_life_of_more() {
        // 2 reads a large transient and writes a small one: it stays close to the writer of the large one
        let slots = [BUFFER, SlotShape::TransientBuffer { bytes: 64 }, SlotShape::TransientBuffer { bytes: 16 }];
        let passes: [Pass<'_>; 6] = [
            (&[(1, WRITE)], &[]),
            (&[(0, WRITE)], &[]),
            (&[(1, READ), (2, WRITE)], &[]),
            (&[(0, WRITE)], &[]),
            (&[(0, WRITE)], &[]),
            (&[(0, WRITE), (2, READ)], &[]),
        ];
        assert_eq!(of(&slots, &passes), [0, 0, 1, 1, 2, 3]);
    }
}
