//! Uploads on a queue of their own, and what comes before and after them: the commits that a device with one queue never
//! makes.

use super::*;

const SAMPLED: Access = Access {
    stages: S::FRAGMENT_SHADER,
    mask: A::SHADER_SAMPLED_READ,
    layout: L::SHADER_READ_ONLY_OPTIMAL,
    mode: crate::resource::Mode::Read,
};

fn upload(tracker: &mut Tracker, value: u64, bytes: std::ops::Range<u64>) -> Arrival {
    let stamp = at(TRANSFER, value);
    touch_part(tracker, Region::bytes(bytes), stamp, entry(TRANSFER, Access::COPY_TARGET))
}

fn draw(tracker: &mut Tracker, value: u64, bytes: std::ops::Range<u64>) -> Arrival {
    let stamp = at(GRAPHICS, value);
    touch_part(tracker, Region::bytes(bytes), stamp, entry(GRAPHICS, Access::INDEX))
}

fn only_waits(stamps: &[Stamp]) -> Arrival {
    Arrival { waits: stamps.to_vec(), ..Arrival::default() }
}

#[test]
fn a_frame_waits_once_for_the_upload_that_it_reads_and_has_no_barrier() {
    let mut tracker = buffer();
    assert_eq!(upload(&mut tracker, 1, 0..64), Arrival::default(), "fresh memory");
    assert_eq!(draw(&mut tracker, 1, 0..64), only_waits(&[at(TRANSFER, 1)]));
    assert_eq!(draw(&mut tracker, 2, 0..64), Arrival::default(), "the queue has waited");
    let copy = touch(&mut tracker, at(COMPUTE, 1), Access::COPY_SOURCE);
    assert_eq!(copy, only_waits(&[at(TRANSFER, 1)]));
}

#[test]
fn an_upload_waits_for_the_last_readers_of_its_range_on_every_queue_and_for_no_others() {
    let mut tracker = buffer();
    upload(&mut tracker, 1, 0..64);
    draw(&mut tracker, 1, 0..32);
    draw(&mut tracker, 2, 32..64);
    touch_part(&mut tracker, Region::bytes(0..16), at(COMPUTE, 5), entry(COMPUTE, Access::COPY_SOURCE));
    draw(&mut tracker, 3, 0..8);
    let mut found = upload(&mut tracker, 2, 0..16).waits;
    found.sort_by_key(|stamp| stamp.queue.index());
    assert_eq!(found, [at(GRAPHICS, 3), at(COMPUTE, 5)]);
    assert_eq!(upload(&mut tracker, 3, 32..64), only_waits(&[at(GRAPHICS, 2)]));
    assert_eq!(upload(&mut tracker, 4, 16..32), only_waits(&[at(GRAPHICS, 1)]));
    assert_eq!(draw(&mut tracker, 4, 0..64), only_waits(&[at(TRANSFER, 4)]), "the latest stands for all of its queue");
}

#[test]
fn uploads_over_each_other_on_one_queue_have_a_barrier_and_no_wait() {
    let mut tracker = buffer();
    upload(&mut tracker, 1, 0..64);
    let again = upload(&mut tracker, 2, 16..32);
    let written = Scope::written_by(&Access::COPY_TARGET);
    assert_eq!((again.waits, again.memory.source), (vec![], written));
    assert_eq!(draw(&mut tracker, 1, 32..64), only_waits(&[at(TRANSFER, 1)]));
    assert_eq!(draw(&mut tracker, 2, 0..64), only_waits(&[at(TRANSFER, 2)]));
}

#[test]
fn on_one_queue_barriers_take_the_place_of_waits() {
    let mut tracker = buffer();
    touch(&mut tracker, at(GRAPHICS, 1), Access::COPY_TARGET);
    let read = touch(&mut tracker, at(GRAPHICS, 2), Access::INDEX);
    assert_eq!((read.waits, read.memory.source), (vec![], Scope::written_by(&Access::COPY_TARGET)));
    let write = touch(&mut tracker, at(GRAPHICS, 3), Access::COPY_TARGET);
    assert_eq!((write.waits, write.memory.source), (vec![], execution(S::INDEX_INPUT)));
}

#[test]
fn a_shadow_is_published_after_its_chunks_and_after_who_reads_the_target() {
    let (mut shadow, mut target) = (buffer(), buffer());
    upload(&mut target, 1, 0..64);
    draw(&mut target, 1, 0..64);
    for chunk in 0..4 {
        assert_eq!(upload(&mut shadow, 2 + chunk, chunk * 16..chunk * 16 + 16), Arrival::default());
    }
    assert_eq!(touch(&mut shadow, at(COMPUTE, 1), Access::COPY_SOURCE), only_waits(&[at(TRANSFER, 5)]));
    assert_eq!(touch(&mut target, at(COMPUTE, 1), Access::COPY_TARGET), only_waits(&[at(GRAPHICS, 1)]));
    assert_eq!(draw(&mut target, 2, 0..64), only_waits(&[at(COMPUTE, 1)]));
}

#[test]
fn an_uploaded_image_is_acquired_by_who_samples_it_and_taken_back_without_a_release() {
    let mut tracker = image();
    let copy = Access::IMAGE_COPY_TARGET;
    let first = touch_part(&mut tracker, WHOLE, at(TRANSFER, 1), discard(TRANSFER, copy));
    assert_eq!((first.waits, first.acquires), (vec![], vec![]));
    assert_eq!(first.layouts, [relayout(Scope::default(), &copy, L::UNDEFINED)]);
    let sampled = touch(&mut tracker, at(GRAPHICS, 1), SAMPLED);
    let layout = copy.layout;
    assert_eq!(sampled.acquires, [Acquire { region: WHOLE, from: at(TRANSFER, 1), after: vec![], layout }]);
    assert_eq!(
        (sampled.waits, sampled.layouts.len()),
        (vec![], 1),
        "the acquire waits; the barrier changes the layout"
    );
    assert_eq!(touch(&mut tracker, at(GRAPHICS, 2), SAMPLED), Arrival::default());
    let next = touch_part(&mut tracker, WHOLE, at(TRANSFER, 2), discard(TRANSFER, copy));
    assert_eq!((next.waits, next.acquires), (vec![at(GRAPHICS, 2)], vec![]), "what was there does not matter");
    let again = touch(&mut tracker, at(GRAPHICS, 3), SAMPLED);
    assert_eq!(again.acquires, [Acquire { region: WHOLE, from: at(TRANSFER, 2), after: vec![], layout }]);
}

#[test]
fn what_is_hidden_is_unwritten_until_it_is_written_and_waits_for_what_touched_it() {
    let mut tracker = buffer();
    upload(&mut tracker, 1, 0..16);
    tracker.hide(Region::bytes(0..16));
    assert!(tracker.is_unwritten(WHOLE));
    assert_eq!(upload(&mut tracker, 2, 16..32), Arrival::default());
    assert!(!tracker.is_written(Region::bytes(0..17)) && !tracker.is_unwritten(Region::bytes(0..17)));
    let all = upload(&mut tracker, 3, 0..64);
    assert_eq!(all.waits, [], "one queue");
    assert!(tracker.is_written(WHOLE));
    assert_eq!(draw(&mut tracker, 1, 0..4), only_waits(&[at(TRANSFER, 3)]));
}

#[test]
fn merging_regions_shows_nothing_that_is_hidden() {
    let mut tracker = Tracker::new(Region::bytes(0..8192));
    let hidden = Region::bytes(1024..2048);
    touch_part(&mut tracker, hidden, at(TRANSFER, 1), entry(TRANSFER, Access::COPY_TARGET));
    tracker.hide(hidden);
    for n in 0..200 {
        upload(&mut tracker, 2 + 2 * n, 1020 - 4 * n..1022 - 4 * n);
        upload(&mut tracker, 3 + 2 * n, 2050 + 4 * n..2052 + 4 * n);
        assert!(tracker.is_unwritten(hidden), "after {n} writes on either side");
    }
}
