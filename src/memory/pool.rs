//! A pool: blocks of one memory type for one kind of use, and which of them to keep.

use slab::Slab;

use super::block::{Block, Span};

/// Blocks, each with the `M` that stands for its memory.
pub(crate) struct Pool<M> {
    blocks: Slab<Entry<M>>,
    /// The block that served last and is asked first, so that the others are looked at once per filled block.
    last: usize,
    /// How many blocks have nothing in them.
    empty: usize,
}

struct Entry<M> {
    memory: M,
    block: Block,
}

/// A span and the block it lies in.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    block: usize,
    span: Span,
}

impl Place {
    /// Where it starts, in bytes from its block's start.
    pub(crate) fn offset(&self) -> u64 {
        self.span.offset
    }
}

impl<M> Default for Pool<M> {
    fn default() -> Self {
        Self { blocks: Slab::new(), last: 0, empty: 0 }
    }
}

impl<M> Pool<M> {
    /// Takes bytes from a block that has them. `None` asks for [`Pool::grow`].
    pub(crate) fn allocate(&mut self, size: u64, alignment: u64) -> Option<Place> {
        if let Some(place) = self.allocate_in(self.last, size, alignment) {
            return Some(place);
        }
        // Keys of a slab lie below its capacity; those of removed blocks answer `None`.
        (0..self.blocks.capacity()).find_map(|index| self.allocate_in(index, size, alignment))
    }

    fn allocate_in(&mut self, index: usize, size: u64, alignment: u64) -> Option<Place> {
        let block = &mut self.blocks.get_mut(index)?.block;
        let was_empty = block.is_empty();
        let span = block.allocate(size, alignment)?;
        self.empty -= usize::from(was_empty);
        self.last = index;
        Some(Place { block: index, span })
    }

    /// Adds a block of `bytes`, which is asked first from now on.
    pub(crate) fn grow(&mut self, memory: M, bytes: u64) {
        self.last = self.blocks.insert(Entry { memory, block: Block::new(bytes) });
        self.empty += 1;
    }

    /// The memory of a place's block.
    pub(crate) fn memory(&self, place: &Place) -> &M {
        &self.blocks[place.block].memory
    }

    /// Gives a place back. One empty block is kept, so that work that comes and goes allocates nothing; the memory of a
    /// further one is returned and is to be freed.
    pub(crate) fn free(&mut self, place: Place) -> Option<M> {
        let block = &mut self.blocks[place.block].block;
        block.free(place.span);
        if !block.is_empty() {
            return None;
        }
        if self.empty == 0 {
            self.empty = 1;
            return None;
        }
        Some(self.blocks.remove(place.block).memory)
    }

    /// Takes the kept empty block out, for when memory is short.
    pub(crate) fn take_spare(&mut self) -> Option<M> {
        let (index, _) = self.blocks.iter().find(|(_, entry)| entry.block.is_empty())?;
        self.empty -= 1;
        Some(self.blocks.remove(index).memory)
    }

    /// Takes every block out, used or not.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = M> + '_ {
        self.empty = 0;
        self.blocks.drain().map(|entry| entry.memory)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;

    /// A pool over made-up memory: blocks are numbers.
    struct Model {
        pool: Pool<u32>,
        made: u32,
        held: Vec<u32>,
        bytes: u64,
    }

    impl Model {
        fn new(bytes: u64) -> Self {
            Self { pool: Pool::default(), made: 0, held: Vec::new(), bytes }
        }

        fn allocate(&mut self, size: u64, alignment: u64) -> Place {
            if let Some(place) = self.pool.allocate(size, alignment) {
                return place;
            }
            self.pool.grow(self.made, self.bytes);
            self.held.push(self.made);
            self.made += 1;
            self.pool.allocate(size, alignment).expect("a new block has room for half a block")
        }

        fn free(&mut self, place: Place) {
            if let Some(memory) = self.pool.free(place) {
                let at = self.held.iter().position(|&held| held == memory).expect("freed once");
                self.held.swap_remove(at);
            }
        }
    }

    /// xorshift64*: good enough to shuffle, and the same on every machine.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % n
        }
    }

    fn seed() -> u64 {
        let from_environment = std::env::var("VULKIO_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let from_time = || std::time::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_nanos() as u64);
        from_environment.unwrap_or_else(from_time) | 1
    }

    #[test]
    fn spans_never_overlap_and_all_that_is_freed_leaves_one_block() {
        let seed = seed();
        println!("run again with VULKIO_TEST_SEED={seed}");
        let mut random = Random(seed);
        let mut model = Model::new(1 << 20);
        let mut live: Vec<(Place, u32, Range<u64>)> = Vec::new();
        for step in 0..20_000 {
            // Grows for a while, shrinks for a while.
            let growing = step / 1000 % 2 == 0;
            if live.is_empty() || random.below(10) < if growing { 7 } else { 3 } {
                let bits = random.below(19);
                let size = 1 + random.below(1 << bits);
                let alignment = 1 << random.below(13);
                let place = model.allocate(size, alignment);
                let (block, range) = (*model.pool.memory(&place), place.offset()..place.offset() + size);
                assert_eq!(range.start % alignment, 0, "seed {seed}, step {step}");
                assert!(range.end <= model.bytes, "seed {seed}, step {step}: {range:?} ends beyond its block");
                for (_, other, taken) in live.iter().filter(|(_, other, _)| *other == block) {
                    let apart = range.end <= taken.start || taken.end <= range.start;
                    assert!(apart, "seed {seed}, step {step}: {range:?} meets {taken:?} in block {other}");
                }
                live.push((place, block, range));
            } else {
                let (place, ..) = live.swap_remove(random.below(live.len() as u64) as usize);
                model.free(place);
            }
        }
        assert!(model.made > 1, "seed {seed}: one block was enough, so nothing was tested");
        while !live.is_empty() {
            let (place, ..) = live.swap_remove(random.below(live.len() as u64) as usize);
            model.free(place);
        }
        assert_eq!(model.held.len(), 1, "seed {seed}");
        assert_eq!(model.pool.empty, 1, "seed {seed}");
        assert_eq!(model.allocate(1 << 20, 1).offset(), 0, "seed {seed}: the kept block is not whole");
    }

    #[test]
    fn work_that_comes_and_goes_makes_one_block_ever() {
        let mut model = Model::new(1 << 20);
        for _ in 0..100 {
            let place = model.allocate(1 << 19, 1);
            model.free(place);
        }
        assert_eq!((model.made, model.held.len()), (1, 1));
    }

    #[test]
    fn one_empty_block_is_kept_and_the_next_is_given_back() {
        let mut model = Model::new(1 << 20);
        let places: Vec<_> = (0..3).map(|_| model.allocate(1 << 20, 1)).collect();
        assert_eq!(model.held.len(), 3);
        model.free(places[1]);
        assert_eq!(model.held.len(), 3);
        model.free(places[0]);
        assert_eq!(model.held.len(), 2);
        model.free(places[2]);
        assert_eq!(model.held, [1]);
    }

    #[test]
    fn a_full_block_sends_requests_to_one_with_room() {
        let mut model = Model::new(1 << 20);
        let first = model.allocate(1 << 20, 1);
        let half = model.allocate(1 << 19, 1);
        model.free(first);
        let _rest = model.allocate(1 << 19, 1);
        let again = model.allocate(1 << 20, 1);
        assert_eq!((model.made, *model.pool.memory(&again), *model.pool.memory(&half)), (2, 0, 1));
    }

    #[test]
    fn the_spare_block_is_taken_once_and_used_ones_stay() {
        let mut model = Model::new(1 << 20);
        let used = model.allocate(1 << 20, 1);
        let freed = model.allocate(1 << 20, 1);
        assert!(model.pool.take_spare().is_none());
        model.free(freed);
        assert_eq!(model.pool.take_spare(), Some(1));
        assert!(model.pool.take_spare().is_none());
        model.free(used);
        assert_eq!(model.pool.empty, 1);
    }

    #[test]
    fn draining_hands_out_every_block() {
        let mut model = Model::new(1 << 20);
        let _places: Vec<_> = (0..4).map(|_| model.allocate(1 << 20, 1)).collect();
        assert_eq!(model.pool.drain().count(), 4);
        assert!(model.pool.allocate(1, 1).is_none());
    }
}
