mod uploads;

use ash::vk;
use vk::{AccessFlags2 as A, ImageLayout as L, PipelineStageFlags2 as S};

use super::*;
use crate::{
    graph::compiled::{Exit, Mark},
    resource::Access,
};

const GRAPHICS: QueueId = QueueId(0);
const COMPUTE: QueueId = QueueId(1);
const TRANSFER: QueueId = QueueId(2);

fn at(queue: QueueId, value: u64) -> Stamp {
    Stamp { queue, value }
}

fn entry(queue: QueueId, access: Access) -> Entry {
    Entry { import: 0, queue, batch: 0, access, discard: false, after_readers: false }
}

fn discard(queue: QueueId, access: Access) -> Entry {
    Entry { discard: true, ..entry(queue, access) }
}

fn marks<const N: usize>(marks: [(QueueId, usize, Scope); N]) -> [Option<Mark>; QueueId::MOST] {
    let mut by_queue = [None; QueueId::MOST];
    for (queue, batch, scope) in marks {
        by_queue[queue.index()] = Some(Mark { batch, scope });
    }
    by_queue
}

fn import(region: Region, exit: Exit) -> Import {
    Import { slot: 0, region, entries: 0..1, exit }
}

/// The exit of a plan that does nothing but `access`.
fn exit(queue: QueueId, access: &Access) -> Exit {
    let (mut writes, mut reads) = (marks([]), marks([]));
    if access.writes() {
        writes = marks([(queue, 0, Scope::written_by(access))]);
    } else {
        reads = marks([(queue, 0, Scope::of(access))]);
    }
    Exit { layout: access.layout, owner: queue, writes, reads }
}

/// A plan of one access to a region.
fn touch_part(tracker: &mut Tracker, region: Region, stamp: Stamp, entry: Entry) -> Arrival {
    let arrival = tracker.arrive(region, &entry);
    let import = import(region, exit(stamp.queue, &entry.access));
    tracker.depart(false, &import, &[entry], std::slice::from_ref(&arrival), &[stamp]);
    arrival
}

fn touch(tracker: &mut Tracker, stamp: Stamp, access: Access) -> Arrival {
    touch_part(tracker, WHOLE, stamp, entry(stamp.queue, access))
}

const WHOLE: Region = Region { x: [0, 64], y: [0, 1] };

fn buffer() -> Tracker {
    Tracker::new(WHOLE)
}

/// Graphics and compute are of one family, transfer is of another.
fn image() -> Tracker {
    Tracker::exclusive(WHOLE, &[0, 0, 1])
}

fn execution(stages: S) -> Scope {
    Scope::execution(stages)
}

#[test]
fn the_first_use_of_a_buffer_waits_for_nothing() {
    assert_eq!(touch(&mut buffer(), at(GRAPHICS, 1), Access::COPY_TARGET), Arrival::default());
}

#[test]
fn a_read_after_a_write_is_a_memory_dependency_once() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::storage_write(S::COMPUTE_SHADER));
    let first = touch(&mut tracker, at(GRAPHICS, 2), Access::INDIRECT).memory;
    assert_eq!(first.source, Scope { stages: S::COMPUTE_SHADER, mask: A::SHADER_STORAGE_WRITE });
    assert_eq!(first.target, Scope::of(&Access::INDIRECT));
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 3), Access::INDIRECT), Arrival::default(), "it is visible already");
    assert!(!touch(&mut tracker, at(GRAPHICS, 4), Access::INDEX).memory.is_empty(), "to that stage it is not");
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 5), Access::INDIRECT), Arrival::default(), "it still is");
}

#[test]
fn what_one_kind_of_read_saw_another_in_the_same_stage_did_not() {
    let mut tracker = buffer();
    let storage = Access::storage_read(S::COMPUTE_SHADER);
    let uniform = Access { mask: A::UNIFORM_READ, ..storage };
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    touch(&mut tracker, at(GRAPHICS, 2), storage);
    let other = touch(&mut tracker, at(GRAPHICS, 3), uniform).memory;
    assert_eq!((other.source, other.target), (Scope::written_by(&Access::COPY_TARGET), Scope::of(&uniform)));
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 4), storage), Arrival::default());
}

#[test]
fn a_write_after_reads_waits_for_their_execution_only() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    touch(&mut tracker, at(GRAPHICS, 2), Access::INDIRECT);
    touch(&mut tracker, at(GRAPHICS, 3), Access::INDEX);
    let write = touch(&mut tracker, at(GRAPHICS, 4), Access::COPY_TARGET);
    assert_eq!(write.memory.source, execution(S::DRAW_INDIRECT | S::INDEX_INPUT));
    let again = touch(&mut tracker, at(GRAPHICS, 5), Access::COPY_TARGET);
    assert_eq!(again.memory.source, Scope { stages: S::ALL_TRANSFER, mask: A::TRANSFER_WRITE });
}

#[test]
fn another_queue_is_waited_for_at_its_stamp_and_its_reader_stands_for_the_writer() {
    let mut tracker = buffer();
    touch(&mut tracker, at(TRANSFER, 7), Access::COPY_TARGET);
    let read = touch(&mut tracker, at(GRAPHICS, 3), Access::storage_read(S::COMPUTE_SHADER));
    assert_eq!(read, Arrival { waits: vec![at(TRANSFER, 7)], ..Arrival::default() });
    let write = touch(&mut tracker, at(TRANSFER, 8), Access::COPY_TARGET);
    assert_eq!(write, Arrival { waits: vec![at(GRAPHICS, 3)], ..Arrival::default() });
}

#[test]
fn a_queue_that_waited_once_sees_the_write_in_every_stage() {
    let mut tracker = buffer();
    touch(&mut tracker, at(TRANSFER, 1), Access::COPY_TARGET);
    touch(&mut tracker, at(GRAPHICS, 1), Access::INDEX);
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 2), Access::INDIRECT), Arrival::default());
    assert_eq!(touch(&mut tracker, at(COMPUTE, 1), Access::INDIRECT).waits, [at(TRANSFER, 1)]);
}

#[test]
fn concurrent_writers_are_all_waited_for() {
    let mut tracker = buffer();
    let write = Access::storage_write(S::COMPUTE_SHADER);
    let scope = Scope::written_by(&write);
    let both = marks([(GRAPHICS, 0, scope), (COMPUTE, 1, scope)]);
    let exit = Exit { layout: L::UNDEFINED, owner: COMPUTE, writes: both, reads: marks([]) };
    let entries = [entry(GRAPHICS, write), Entry { batch: 1, ..entry(COMPUTE, write) }];
    let arrivals = entries.map(|entry| tracker.arrive(WHOLE, &entry));
    tracker.depart(false, &import(WHOLE, exit), &entries, &arrivals, &[at(GRAPHICS, 4), at(COMPUTE, 9)]);

    assert_eq!(tracker.arrive(WHOLE, &entry(TRANSFER, Access::COPY_SOURCE)).waits, [at(GRAPHICS, 4), at(COMPUTE, 9)]);
    let read = touch(&mut tracker, at(GRAPHICS, 5), Access::INDIRECT);
    assert_eq!((read.waits, read.memory.source), (vec![at(COMPUTE, 9)], scope));
    let again = touch(&mut tracker, at(GRAPHICS, 6), Access::INDEX);
    assert_eq!((again.waits, again.memory.source), (vec![], scope), "it waited, but showed its own write to one stage");
    let write = tracker.arrive(WHOLE, &entry(COMPUTE, write));
    assert_eq!(write, Arrival { waits: vec![at(GRAPHICS, 6)], ..Arrival::default() });
}

#[test]
fn a_plan_that_reads_and_later_writes_waits_for_the_readers_before_it() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    touch(&mut tracker, at(GRAPHICS, 2), Access::INDEX);
    touch(&mut tracker, at(TRANSFER, 5), Access::COPY_SOURCE);

    let write = Access::storage_write(S::COMPUTE_SHADER);
    let first = tracker.arrive(WHOLE, &entry(GRAPHICS, Access::INDEX));
    assert_eq!(first, Arrival::default(), "the first read needs nothing");
    let later = tracker.arrive(WHOLE, &Entry { after_readers: true, ..entry(GRAPHICS, write) });
    assert_eq!(later.memory, Dependency { source: execution(S::INDEX_INPUT), target: Scope::of(&write) });
    assert_eq!(later.waits, [at(TRANSFER, 5)]);
}

#[test]
fn writers_before_the_plan_do_not_count_after_readers() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    let later = Entry { after_readers: true, ..entry(COMPUTE, Access::storage_write(S::COMPUTE_SHADER)) };
    assert_eq!(tracker.arrive(WHOLE, &later), Arrival::default());
}

#[test]
fn what_a_plan_read_after_its_own_write_is_visible_to_the_next_one() {
    let mut tracker = buffer();
    let (write, read) = (Access::COPY_TARGET, Access::storage_read(S::COMPUTE_SHADER));
    let writes = marks([(TRANSFER, 0, Scope::written_by(&write))]);
    let exit = Exit { layout: L::UNDEFINED, owner: COMPUTE, writes, reads: marks([(COMPUTE, 1, Scope::of(&read))]) };
    let arrival = tracker.arrive(WHOLE, &entry(TRANSFER, write));
    let stamps = [at(TRANSFER, 1), at(COMPUTE, 1)];
    tracker.depart(false, &import(WHOLE, exit), &[entry(TRANSFER, write)], &[arrival], &stamps);
    assert_eq!(tracker.arrive(WHOLE, &entry(COMPUTE, Access::INDIRECT)), Arrival::default());
    assert_eq!(tracker.arrive(WHOLE, &entry(GRAPHICS, Access::INDIRECT)).waits, [at(TRANSFER, 1)]);
    assert_eq!(tracker.arrive(WHOLE, &entry(GRAPHICS, write)).waits, [at(COMPUTE, 1)]);
}

fn relayout(source: Scope, access: &Access, old: L) -> Relayout {
    Relayout { region: WHOLE, source, target: Scope::of(access), old, new: access.layout }
}

#[test]
fn an_image_changes_layout_once_and_a_discard_forgets_the_old_one() {
    let mut tracker = image();
    let (color, copy) = (Access::COLOR_ATTACHMENT, Access::IMAGE_COPY_SOURCE);
    let first = touch_part(&mut tracker, WHOLE, at(GRAPHICS, 1), discard(GRAPHICS, color));
    assert_eq!(first.layouts, [relayout(Scope::default(), &color, L::UNDEFINED)]);
    assert_eq!(tracker.arrive(WHOLE, &discard(GRAPHICS, color)).layouts, [], "it is in that layout");
    let read = touch(&mut tracker, at(GRAPHICS, 2), copy);
    assert_eq!(read.layouts, [relayout(Scope::written_by(&color), &copy, color.layout)]);
    assert!(read.memory.is_empty(), "the image barrier is enough");
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 3), copy), Arrival::default());
    let again = tracker.arrive(WHOLE, &discard(GRAPHICS, color));
    assert_eq!(again.layouts, [relayout(execution(S::ALL_TRANSFER), &color, L::UNDEFINED)]);
}

#[test]
fn a_transition_is_a_write_at_the_batch_that_made_it() {
    let mut tracker = image();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COLOR_ATTACHMENT);
    touch(&mut tracker, at(GRAPHICS, 2), Access::IMAGE_COPY_SOURCE);
    let elsewhere = tracker.arrive(WHOLE, &entry(COMPUTE, Access::IMAGE_COPY_SOURCE));
    assert_eq!(elsewhere, Arrival { waits: vec![at(GRAPHICS, 2)], ..Arrival::default() });
    let sampled = Access { stages: S::COMPUTE_SHADER, mask: A::SHADER_READ, ..Access::IMAGE_COPY_SOURCE };
    let here = tracker.arrive(WHOLE, &entry(GRAPHICS, sampled)).memory;
    let chained = Dependency { source: execution(S::ALL_TRANSFER), target: Scope::of(&sampled) };
    assert_eq!(here, chained, "the barrier made it available, and goes on from where it was shown");
}

#[test]
fn a_transition_after_a_wait_has_a_source_that_chains_with_it() {
    let mut tracker = image();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COLOR_ATTACHMENT);
    let copy = Access::IMAGE_COPY_SOURCE;
    let read = touch(&mut tracker, at(COMPUTE, 1), copy);
    assert_eq!(read.waits, [at(GRAPHICS, 1)], "one family: a wait is enough");
    assert_eq!(read.acquires, []);
    assert_eq!(read.layouts, [relayout(execution(S::ALL_TRANSFER), &copy, L::COLOR_ATTACHMENT_OPTIMAL)]);
}

#[test]
fn an_image_of_another_family_is_acquired_in_its_layout_and_then_changed() {
    let mut tracker = image();
    touch(&mut tracker, at(GRAPHICS, 4), Access::COLOR_ATTACHMENT);
    let (copy, layout) = (Access::IMAGE_COPY_SOURCE, L::COLOR_ATTACHMENT_OPTIMAL);
    let taken = touch(&mut tracker, at(TRANSFER, 1), copy);
    assert_eq!(taken.acquires, [Acquire { region: WHOLE, from: at(GRAPHICS, 4), after: vec![], layout }]);
    assert_eq!(taken.layouts, [relayout(execution(S::ALL_TRANSFER), &copy, layout)]);
    assert_eq!((taken.waits, taken.memory), (vec![], Dependency::default()), "the acquire stands for both");
    assert_eq!(touch(&mut tracker, at(TRANSFER, 2), copy), Arrival::default());

    let back = touch(&mut tracker, at(GRAPHICS, 5), copy);
    assert_eq!(back.acquires, [Acquire { region: WHOLE, from: at(TRANSFER, 2), after: vec![], layout: copy.layout }]);
    assert_eq!(back.layouts, []);
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 6), copy), Arrival::default());
    let write = tracker.arrive(WHOLE, &entry(COMPUTE, Access::COLOR_ATTACHMENT));
    assert_eq!(write.waits, [at(GRAPHICS, 6)], "nothing of before the acquire counts any more");
}

#[test]
fn a_release_waits_for_the_other_queues_of_its_family() {
    let mut tracker = image();
    let copy = Access::IMAGE_COPY_SOURCE;
    touch(&mut tracker, at(GRAPHICS, 1), copy);
    touch(&mut tracker, at(COMPUTE, 1), copy);
    touch(&mut tracker, at(GRAPHICS, 2), copy);
    let taken = tracker.arrive(WHOLE, &entry(TRANSFER, copy));
    let after = vec![at(COMPUTE, 1)];
    assert_eq!(taken.acquires, [Acquire { region: WHOLE, from: at(GRAPHICS, 2), after, layout: copy.layout }]);
}

#[test]
fn a_discard_takes_an_image_without_asking_its_family() {
    let mut tracker = image();
    touch(&mut tracker, at(GRAPHICS, 4), Access::IMAGE_COPY_TARGET);
    let copy = Access::IMAGE_COPY_TARGET;
    let taken = touch_part(&mut tracker, WHOLE, at(TRANSFER, 1), discard(TRANSFER, copy));
    assert_eq!((taken.waits, taken.acquires), (vec![at(GRAPHICS, 4)], vec![]));
    let fresh = relayout(execution(S::ALL_TRANSFER), &copy, L::UNDEFINED);
    assert_eq!(taken.layouts, [fresh], "even from the layout that it wants");
}

#[test]
fn buffers_have_no_owner() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    assert_eq!(touch(&mut tracker, at(TRANSFER, 1), Access::COPY_SOURCE).acquires, []);
}

#[test]
fn regions_that_do_not_overlap_do_not_wait_for_each_other() {
    let mut tracker = buffer();
    let write = |range| (Region::bytes(range), entry(GRAPHICS, Access::COPY_TARGET));
    let (left, write_left) = write(0..16);
    touch_part(&mut tracker, left, at(GRAPHICS, 1), write_left);
    let (right, write_right) = write(16..64);
    assert_eq!(touch_part(&mut tracker, right, at(GRAPHICS, 2), write_right), Arrival::default());
    let (across, write_across) = write(15..17);
    let both = touch_part(&mut tracker, across, at(TRANSFER, 1), Entry { queue: TRANSFER, ..write_across });
    assert_eq!(both.waits, [at(GRAPHICS, 2)], "one wait, for the later of the two");
    let read = entry(TRANSFER, Access::COPY_SOURCE);
    assert_eq!(tracker.arrive(left, &read).waits, [at(GRAPHICS, 1)]);
    assert_eq!(tracker.arrive(across, &read).waits, []);
}

#[test]
fn equal_regions_become_one_and_unequal_ones_stay_apart() {
    let mut tracker = buffer();
    let write = entry(GRAPHICS, Access::COPY_TARGET);
    touch_part(&mut tracker, Region::bytes(16..32), at(GRAPHICS, 1), write);
    assert_eq!(tracker.parts.len(), 3);
    touch_part(&mut tracker, Region::bytes(32..40), at(GRAPHICS, 1), write);
    assert_eq!(tracker.parts.len(), 3, "both were written by one batch");
    touch_part(&mut tracker, Region::bytes(0..20), at(GRAPHICS, 2), write);
    assert_eq!(tracker.parts.len(), 3);
    touch(&mut tracker, at(GRAPHICS, 3), Access::COPY_TARGET);
    assert_eq!(tracker.parts.len(), 1);
}

#[test]
fn a_buffer_has_a_bounded_number_of_regions_and_merging_loses_no_wait() {
    let mut tracker = Tracker::new(Region::bytes(0..1000));
    let queues = [GRAPHICS, COMPUTE, TRANSFER];
    for cell in 0..500_u64 {
        let queue = queues[cell as usize % 3];
        let region = Region::bytes(cell * 2..cell * 2 + 1);
        touch_part(&mut tracker, region, at(queue, cell), entry(queue, Access::COPY_TARGET));
        assert!(tracker.parts.len() <= MOST_PARTS, "{} after {cell}", tracker.parts.len());
    }
    for cell in 0..500_u64 {
        let (region, queue) = (Region::bytes(cell * 2..cell * 2 + 1), queues[(cell as usize + 1) % 3]);
        let arrival = tracker.arrive(region, &entry(queue, Access::COPY_SOURCE));
        let by = queues[cell as usize % 3];
        assert!(arrival.waits.iter().any(|wait| wait.queue == by && wait.value >= cell), "{cell}: {arrival:?}");
        assert!(tracker.is_written(region));
    }
}

#[test]
fn a_change_of_merged_regions_waits_for_the_writers_of_the_one_and_the_readers_of_the_other() {
    let mut tracker = Tracker::new(Region::bytes(0..2));
    let byte = |at| Region::bytes(at..at + 1);
    touch_part(&mut tracker, byte(0), at(COMPUTE, 1), entry(COMPUTE, Access::COPY_TARGET));
    touch_part(&mut tracker, byte(1), at(TRANSFER, 1), entry(TRANSFER, Access::COPY_SOURCE));
    tracker.parts.thin_out(1);
    let write = tracker.arrive(byte(0), &entry(GRAPHICS, Access::COPY_TARGET));
    assert_eq!(write.waits, [at(TRANSFER, 1), at(COMPUTE, 1)]);
    let read = tracker.arrive(byte(0), &entry(TRANSFER, Access::COPY_SOURCE));
    assert_eq!(read.waits, [at(COMPUTE, 1)], "who read the other byte saw nothing of this one");
}

/// A plan's imports depart one by one: the first may merge what the second arrived in.
#[test]
fn a_merge_between_arrival_and_departure_forgets_no_reader() {
    let mut tracker = Tracker::new(Region::bytes(0..2));
    let byte = |at| Region::bytes(at..at + 1);
    touch_part(&mut tracker, byte(1), at(COMPUTE, 1), entry(COMPUTE, Access::INDEX));
    let read = entry(GRAPHICS, Access::INDEX);
    let arrival = tracker.arrive(byte(1), &read);
    assert_eq!(arrival, Arrival::default());
    tracker.parts.thin_out(1);
    tracker.depart(false, &import(byte(1), exit(GRAPHICS, &Access::INDEX)), &[read], &[arrival], &[at(GRAPHICS, 1)]);
    let write = tracker.arrive(byte(1), &entry(TRANSFER, Access::COPY_TARGET));
    assert_eq!(write.waits, [at(GRAPHICS, 1), at(COMPUTE, 1)]);
}

#[test]
fn neighbours_that_change_alike_are_one_image_barrier() {
    let mut tracker = Tracker::exclusive(Region::subresources(0..4, 0..2), &[0, 0, 0]);
    let color = Access::COLOR_ATTACHMENT;
    for level in 0..4 {
        let region = Region::subresources(level..level + 1, 0..2);
        touch_part(&mut tracker, region, at(GRAPHICS, level.into()), discard(GRAPHICS, color));
    }
    assert_eq!(tracker.parts.len(), 4);
    let read = tracker.arrive(Region::subresources(0..4, 0..2), &entry(GRAPHICS, Access::IMAGE_COPY_SOURCE));
    assert_eq!(read.layouts.len(), 1);
    assert_eq!(read.layouts[0].region, Region::subresources(0..4, 0..2));
}

#[test]
fn layouts_are_told_region_by_region() {
    let mut tracker = Tracker::exclusive(Region::subresources(0..2, 0..1), &[0, 0, 0]);
    let level = |level| Region::subresources(level..level + 1, 0..1);
    touch_part(&mut tracker, level(1), at(GRAPHICS, 1), discard(GRAPHICS, Access::COLOR_ATTACHMENT));
    let layouts: Vec<_> = tracker.layouts(level(1)).collect();
    assert_eq!(layouts, [(level(1), L::COLOR_ATTACHMENT_OPTIMAL)]);
    assert_eq!(tracker.layouts(Region::subresources(0..2, 0..1)).count(), 2);
    assert!(tracker.is_written(level(1)) && !tracker.is_written(level(0)));
    tracker.assume_written();
    assert!(tracker.is_written(level(0)));
}

#[test]
fn a_read_leaves_unwritten_what_nobody_wrote() {
    let mut tracker = image();
    touch(&mut tracker, at(GRAPHICS, 1), Access::IMAGE_COPY_SOURCE);
    assert!(!tracker.is_written(WHOLE), "a change of layout writes nothing");
}

#[test]
fn a_clone_goes_back() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    let before = tracker.clone();
    let arrival = tracker.arrive(WHOLE, &entry(TRANSFER, Access::COPY_SOURCE));
    touch(&mut tracker, at(TRANSFER, 1), Access::COPY_TARGET);
    tracker = before;
    assert_eq!(tracker.arrive(WHOLE, &entry(TRANSFER, Access::COPY_SOURCE)), arrival);
}

#[test]
fn what_a_plan_that_ran_in_part_was_to_change_is_waited_for_whole_and_an_image_is_unwritten() {
    let mut tracker = image();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COLOR_ATTACHMENT);
    touch(&mut tracker, at(GRAPHICS, 2), Access::IMAGE_COPY_SOURCE);
    let lost = tracker.lost(&[at(TRANSFER, 4)]);
    assert!(tracker.is_written(WHOLE) && !lost.is_written(WHOLE));
    let next = lost.arrive(WHOLE, &entry(COMPUTE, Access::IMAGE_COPY_TARGET));
    let mut waits = next.waits;
    waits.sort_unstable();
    assert_eq!(waits, [at(GRAPHICS, 2), at(TRANSFER, 4)], "for who used it before, and for what runs");
    assert_eq!((next.layouts[0].old, next.acquires.len()), (L::UNDEFINED, 0), "nobody has anything to hand over");
    let mut words = buffer();
    touch(&mut words, at(GRAPHICS, 1), Access::COPY_TARGET);
    let lost = words.lost(&[at(GRAPHICS, 2)]);
    assert!(lost.is_written(WHOLE));
    let next = lost.arrive(WHOLE, &entry(GRAPHICS, Access::COPY_SOURCE));
    assert_eq!(
        next.memory.source,
        Scope { stages: S::ALL_COMMANDS | S::ALL_TRANSFER, mask: A::MEMORY_WRITE | A::TRANSFER_WRITE }
    );
}

#[test]
fn contents_that_are_gone_are_unwritten_and_whoever_touched_them_is_still_waited_for() {
    let mut tracker = buffer();
    touch(&mut tracker, at(TRANSFER, 1), Access::COPY_TARGET);
    touch(&mut tracker, at(GRAPHICS, 1), Access::INDEX);
    tracker.hide(WHOLE);
    assert!(!tracker.is_written(Region::bytes(0..1)));
    let front = Region::bytes(0..16);
    let arrival = touch_part(&mut tracker, front, at(TRANSFER, 2), entry(TRANSFER, Access::COPY_TARGET));
    assert_eq!(arrival.waits, [at(GRAPHICS, 1)]);
    assert!(tracker.is_written(front) && !tracker.is_written(WHOLE));
}

#[test]
fn the_first_transition_of_what_is_handed_over_chains_with_the_wait_for_it() {
    let mut tracker = Tracker::exclusive(WHOLE, &[0, 0, 1]);
    tracker.handed_over(GRAPHICS, Access::PRESENT.stages);
    let copied = discard(GRAPHICS, Access::IMAGE_COPY_TARGET);
    let arrival = touch_part(&mut tracker, WHOLE, at(GRAPHICS, 1), copied);
    let [relayout] = &arrival.layouts[..] else { panic!("one transition: {arrival:?}") };
    assert_eq!(relayout.source, Scope::execution(S::ALL_TRANSFER), "a wait with all commands chains with it");
    assert_eq!((relayout.old, relayout.new), (L::UNDEFINED, L::TRANSFER_DST_OPTIMAL));
    assert!(arrival.waits.is_empty() && arrival.acquires.is_empty());
    let shown = touch(&mut tracker, at(GRAPHICS, 1), Access::PRESENT);
    assert_eq!(shown.layouts[0].new, L::PRESENT_SRC_KHR);
    // Another time: after the stages that the presentation engine was waited for in.
    let again = touch_part(&mut tracker, WHOLE, at(GRAPHICS, 2), copied);
    assert_eq!(again.layouts[0].source.stages, S::ALL_TRANSFER);
}
