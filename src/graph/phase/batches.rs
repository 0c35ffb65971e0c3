//! Cuts the queues' sequences into batches, and finds which waits for which.
//!
//! A wave on a queue has two halves: passes that need nothing new from other queues, then those that do. A *time* is a
//! half of a wave. What a queue knows of another is a time: everything there up to it is over, and all its memory visible.

use super::{
    cull::Culled,
    groups::{Groups, NONE},
    regions::Touches,
    waves::Waves,
};
use crate::{
    gpu::QueueId,
    graph::{
        compiled::Batch,
        ir::{QueueMap, Structure},
    },
};

/// By queue: all that happened there up to this time is known to be over; zero for nothing, else time plus one.
pub(crate) type Known = [u32; QueueId::MOST];

/// Passes in the order of recording, and the batches they are in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// Passes by position: batch after batch.
    pub(crate) order: Vec<u32>,
    /// Positions, by wave.
    pub(crate) by_wave: Vec<u32>,
    /// By pass.
    pub(crate) position: Vec<u32>,
    /// By position.
    pub(crate) times: Vec<u32>,
    /// By position.
    pub(crate) batch_of: Vec<u32>,
    pub(crate) batches: Vec<Batch>,
    /// By time, then by queue; empty for a single queue.
    known: Vec<Known>,
    queues: usize,
}

impl Schedule {
    /// Whether all that happened on `queue` up to the position `earlier` is known to it by the position `later`, by
    /// way of other queues: then no barrier is needed in between.
    pub(crate) fn went_round(&self, queue: QueueId, earlier: u32, later: u32) -> bool {
        let time = |position: u32| self.times[position as usize];
        let known = self.known.get(time(later) as usize * self.queues + queue.index());
        known.is_some_and(|known| known[queue.index()] > time(earlier))
    }
}

/// Orders live passes by queue and wave, and cuts.
pub(crate) fn schedule(
    structure: &Structure,
    touches: &Touches,
    culled: &Culled,
    groups: &Groups,
    waves: &Waves,
    queues: &[QueueId],
    map: &QueueMap,
) -> Schedule {
    let by_wave = by_wave(culled, waves);
    let passes = structure.passes();
    if map.len() <= 1 {
        return single(by_wave, waves, passes);
    }
    let mut timing = Timing {
        structure,
        touches,
        culled,
        groups,
        queues,
        times: vec![0; passes],
        last: vec![NONE; groups.sides.len()],
        known: [Known::default(); QueueId::MOST],
        history: vec![Known::default(); 2 * waves.count as usize * map.len()],
        starts: vec![vec![false; 2 * waves.count as usize + 1]; map.len()],
        waits: Vec::new(),
    };
    for wave in by_wave.chunk_by(|a, b| waves.of[*a as usize] == waves.of[*b as usize]) {
        timing.wave(waves.of[wave[0] as usize], wave);
    }
    timing.cut(&by_wave)
}

/// Live passes by wave; within a wave as declared.
fn by_wave(culled: &Culled, waves: &Waves) -> Vec<u32> {
    let mut next = vec![0; waves.count as usize + 1];
    culled.live.iter().for_each(|&pass| next[waves.of[pass as usize] as usize + 1] += 1);
    (1..next.len()).for_each(|wave| next[wave] += next[wave - 1]);
    let mut sorted = vec![0; culled.live.len()];
    for pass in (0..culled.is_live.len()).filter(|&pass| culled.is_live[pass]) {
        let place: &mut usize = &mut next[waves.of[pass] as usize];
        sorted[*place] = pass as u32;
        *place += 1;
    }
    sorted
}

fn single(order: Vec<u32>, waves: &Waves, passes: usize) -> Schedule {
    let count = order.len();
    let mut position = vec![NONE; passes];
    order.iter().enumerate().for_each(|(place, &pass)| position[pass as usize] = place as u32);
    let times = order.iter().map(|&pass| 2 * waves.of[pass as usize]).collect();
    let batch = |count| batch(QueueId::GRAPHICS, 0..count);
    let batches = (count > 0).then(|| batch(count)).into_iter().collect();
    let by_wave = (0..count as u32).collect();
    Schedule { order, by_wave, position, times, batch_of: vec![0; count], batches, known: Vec::new(), queues: 1 }
}

fn batch(queue: QueueId, positions: std::ops::Range<usize>) -> Batch {
    Batch { queue, positions, waits: Vec::new(), entries: Vec::new(), after: None }
}

struct Timing<'a> {
    structure: &'a Structure,
    touches: &'a Touches,
    culled: &'a Culled,
    groups: &'a Groups,
    queues: &'a [QueueId],
    /// By pass.
    times: Vec<u32>,
    /// By side: the time of its last member so far.
    last: Vec<u32>,
    /// By queue: what it knows by now.
    known: [Known; QueueId::MOST],
    /// By time, then by queue: what it knew then.
    history: Vec<Known>,
    /// By queue, then by time: whether a batch starts there.
    starts: Vec<Vec<bool>>,
    /// Queue, time, and what is waited for there.
    waits: Vec<(QueueId, u32, Known)>,
}

impl Timing<'_> {
    fn wave(&mut self, wave: u32, passes: &[u32]) {
        let mut wanted = [Known::default(); QueueId::MOST];
        for &pass in passes {
            let (needs, queue) = (self.needs(pass), self.queues[pass as usize].index());
            let new = is_new(&needs, &self.known[queue]);
            self.times[pass as usize] = 2 * wave + u32::from(new);
            if new {
                merge(&mut wanted[queue], &needs);
            }
        }
        // After the whole wave: members of one wave do not depend on each other.
        for &pass in passes {
            let time = self.times[pass as usize];
            for touch in self.touches.range(pass) {
                let last = &mut self.last[self.groups.side_of[touch] as usize];
                *last = if *last == NONE { time } else { time.max(*last) };
            }
        }
        for (queue, wanted) in wanted.into_iter().enumerate().take(self.starts.len()) {
            self.remember(2 * wave, queue);
            self.wait(2 * wave + 1, queue, wanted);
            self.remember(2 * wave + 1, queue);
        }
    }

    /// What a pass must know of the other queues.
    fn needs(&self, pass: u32) -> Known {
        let mut needs = Known::default();
        let here = self.queues[pass as usize];
        let mut need = |queue: QueueId, time: u32| {
            let known = &mut needs[queue.index()];
            *known = (*known).max(if queue == here { 0 } else { time + 1 });
        };
        for touch in self.touches.range(pass) {
            let group = &self.groups.all[self.groups.of_touch(touch) as usize];
            if let Some(before) = self.groups.before(group) {
                self.groups.sides(before).for_each(|(number, side)| need(side.queue, self.last[number]));
            }
        }
        for before in self.structure.after(pass as usize).filter(|&before| self.culled.is_live[before]) {
            need(self.queues[before], self.times[before]);
        }
        needs
    }

    fn remember(&mut self, time: u32, queue: usize) {
        let queues = self.starts.len();
        self.history[time as usize * queues + queue] = self.known[queue];
    }

    /// Makes `queue` wait at `time` for what of `wanted` is not implied by the rest of it, or known already.
    fn wait(&mut self, time: u32, queue: usize, wanted: Known) {
        let (history, queues) = (&self.history, self.starts.len());
        let at = |other: usize, known: u32| history[(known - 1) as usize * queues + other];
        let mut waits = Known::default();
        for (other, &want) in wanted.iter().enumerate().filter(|(other, want)| **want > self.known[queue][*other]) {
            let implies = |third: usize| third != other && wanted[third] > 0 && at(third, wanted[third])[other] >= want;
            if !(0..QueueId::MOST).any(implies) {
                waits[other] = want;
            }
        }
        if waits == Known::default() {
            return;
        }
        for (other, &want) in waits.iter().enumerate().filter(|(_, want)| **want > 0) {
            let there = at(other, want);
            merge(&mut self.known[queue], &there);
            self.known[queue][other] = self.known[queue][other].max(want);
            // The batch that is waited for ends after that time.
            self.starts[other][want as usize] = true;
        }
        self.starts[queue][time as usize] = true;
        self.waits.push((QueueId(queue as u8), time, waits));
    }

    fn cut(self, by_wave: &[u32]) -> Schedule {
        let mut pieces = self.pieces(by_wave);
        // Whatever a batch waits for starts before it does.
        pieces.sort_by_key(|piece| (piece.start, piece.queue));
        let passes = self.queues.len();
        let mut schedule = Schedule { position: vec![NONE; passes], queues: self.starts.len(), ..Schedule::default() };
        for (number, piece) in pieces.iter().enumerate() {
            let first = schedule.order.len();
            schedule.order.extend_from_slice(&piece.passes);
            schedule.batch_of.resize(schedule.order.len(), number as u32);
            schedule.batches.push(batch(piece.queue, first..schedule.order.len()));
        }
        for (place, &pass) in schedule.order.iter().enumerate() {
            schedule.position[pass as usize] = place as u32;
            schedule.times.push(self.times[pass as usize]);
        }
        let starts = Starts::new(&pieces);
        for (queue, time, waits) in &self.waits {
            let waiting = starts.last_until(queue.index(), *time);
            let waited = waits.iter().enumerate().filter(|(_, want)| **want > 0);
            let waited = waited.map(|(other, want)| starts.last_until(other, want - 1));
            schedule.batches[waiting].waits = waited.collect();
            schedule.batches[waiting].waits.sort_unstable();
        }
        schedule.by_wave = by_wave.iter().map(|&pass| schedule.position[pass as usize]).collect();
        schedule.known = self.history;
        schedule
    }

    /// The batches of all queues, queue after queue.
    fn pieces(&self, by_wave: &[u32]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut of_queue: Vec<Vec<u32>> = vec![Vec::new(); self.starts.len()];
        by_wave.iter().for_each(|&pass| of_queue[self.queues[pass as usize].index()].push(pass));
        for (queue, mut passes) in of_queue.into_iter().enumerate() {
            passes.sort_by_key(|&pass| self.times[pass as usize]); // nearly sorted, and stable
            let mut last = None;
            for pass in passes {
                let time = self.times[pass as usize];
                let cut = last.is_none_or(|last| (last + 1..=time).any(|time| self.starts[queue][time as usize]));
                if cut {
                    pieces.push(Piece { start: time, queue: QueueId(queue as u8), passes: Vec::new() });
                }
                pieces.last_mut().into_iter().for_each(|piece| piece.passes.push(pass));
                last = Some(time);
            }
        }
        pieces
    }
}

struct Piece {
    start: u32,
    queue: QueueId,
    passes: Vec<u32>,
}

/// By queue: when its pieces start, and their numbers.
#[derive(Default)]
struct Starts([Vec<(u32, usize)>; QueueId::MOST]);

impl Starts {
    fn new(pieces: &[Piece]) -> Self {
        let mut starts = Self::default();
        for (number, piece) in pieces.iter().enumerate() {
            starts.0[piece.queue.index()].push((piece.start, number));
        }
        starts
    }

    /// The last piece of a queue that starts at `time` or before.
    fn last_until(&self, queue: usize, time: u32) -> usize {
        let of_queue = &self.0[queue];
        let until = of_queue.partition_point(|(start, _)| *start <= time);
        of_queue[..until].last().map_or(0, |(_, number)| *number)
    }
}

fn is_new(needs: &Known, known: &Known) -> bool {
    needs.iter().zip(known).any(|(need, known)| need > known)
}

fn merge(into: &mut Known, from: &Known) {
    into.iter_mut().zip(from).for_each(|(into, from)| *into = (*into).max(*from));
}

#[cfg(test)]
mod tests {
    use crate::{
        graph::{compiled::Compiled, phase::testing::*},
        resource::Access,
    };

    /// Queue, passes and waits of each batch.
    fn batches(plan: &Compiled) -> Vec<(u8, Vec<usize>, Vec<usize>)> {
        let batch =
            |batch: &super::Batch| (batch.queue.0, plan.order[batch.positions.clone()].to_vec(), batch.waits.clone());
        plan.batches.iter().map(batch).collect()
    }

    #[test]
    fn passes_that_wait_for_nobody_stay_in_the_batch_before() {
        // g: 0      2, 3        2 reads what 1 wrote, 3 what 0 did
        // c:     1
        let graph = structure(
            &[BUFFER; 2],
            &[('g', &[used(0, WRITE)]), ('c', &[used(1, WRITE)]), ('g', &[used(1, READ)]), ('g', &[used(0, READ)])],
        );
        let expected = [(0, vec![0, 3], vec![]), (1, vec![1], vec![]), (0, vec![2], vec![1])];
        assert_eq!(batches(&compile(&graph)), expected);
    }

    #[test]
    fn a_wait_that_another_implies_is_left_out() {
        // g: 0 ─▶ c: 1 ─▶ t: 2, which also reads what 0 wrote
        let graph = structure(
            &[BUFFER; 2],
            &[
                ('g', &[used(0, WRITE)]),
                ('c', &[used(0, READ), used(1, WRITE)]),
                ('t', &[used(0, READ), used(1, READ)]),
            ],
        );
        let expected = [(0, vec![0], vec![]), (1, vec![1], vec![0]), (2, vec![2], vec![1])];
        assert_eq!(batches(&compile(&graph)), expected);
    }

    #[test]
    fn a_queue_that_waited_once_does_not_wait_again_for_the_same() {
        let graph = structure(
            &[BUFFER; 2],
            &[
                ('g', &[used(0, WRITE)]),
                ('c', &[used(0, READ), used(1, WRITE)]),
                ('c', &[used(0, READ), used(1, READ)]),
            ],
        );
        assert_eq!(batches(&compile(&graph)), [(0, vec![0], vec![]), (1, vec![1, 2], vec![0])]);
    }

    #[test]
    fn concurrent_writers_on_two_queues_are_both_waited_for() {
        let graph = structure(
            &[BUFFER],
            &[('g', &[used(0, CONCURRENT)]), ('c', &[used(0, CONCURRENT)]), ('t', &[used(0, Access::COPY_SOURCE)])],
        );
        let expected = [(0, vec![0], vec![]), (1, vec![1], vec![]), (2, vec![2], vec![0, 1])];
        assert_eq!(batches(&compile(&graph)), expected);
    }

    #[test]
    fn a_named_pass_on_another_queue_is_waited_for() {
        let mut graph = structure(&[BUFFER; 2], &[('g', &[used(0, WRITE)])]);
        graph.push(on('c'), [used(1, WRITE)], &[0]);
        let plan = compile(&graph);
        assert_eq!(batches(&plan), [(0, vec![0], vec![]), (1, vec![1], vec![0])]);
        assert!(plan.barriers.is_empty());
    }
}
