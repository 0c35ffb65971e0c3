//! The commit list: committers that never wait for the lock, and a presenter that holds it.

use loom::{sync::Arc, thread};

use crate::{
    MANY,
    commits::Commits,
    explore,
    prim::{AtomicU64, Ordering},
};

/// `(thread, number)` of a commit.
type Item = (u32, u32);
type List = Commits<Item, Done>;

/// What the lock protects.
#[derive(Default)]
struct Done {
    items: Vec<Item>,
    /// Loom runs other threads at its own operations only, and work is to be interrupted.
    clock: AtomicU64,
}

impl Done {
    fn add(&mut self, items: &[Item]) {
        self.items.extend_from_slice(items);
        self.clock.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is done with commits under the lock. Nothing is left for after it.
fn work(done: &mut Done, items: Vec<Item>) -> Vec<fn()> {
    done.add(&items);
    Vec::new()
}

/// The commits that were worked off. It looks before it drains, so what it does not see was left on the list.
fn done(list: &List) -> Vec<Item> {
    let mut seen = Vec::new();
    list.hold(|done| seen.clone_from(&done.items), work);
    seen
}

/// Each commit once, and those of a thread in its order.
fn check(done: &[Item], expected: &[Item]) {
    let mut sorted = done.to_vec();
    sorted.sort_unstable();
    assert_eq!(sorted, expected, "worked off: {done:?}");
    for thread in 0..3 {
        assert!(done.iter().filter(|item| item.0 == thread).is_sorted(), "order of {thread}: {done:?}");
    }
}

/// Two committers and a presenter, all at once.
pub fn every_commit_is_worked_off_once_and_in_order() {
    explore(MANY, || {
        let list = Arc::new(List::new(Done::default()));
        let spawn = |thread: u32| {
            let list = Arc::clone(&list);
            thread::spawn(move || (0..2).for_each(|number| list.commit((thread, number), work)))
        };
        let committers = [spawn(0), spawn(1)];
        list.hold(|_| (), work);
        for committer in committers {
            committer.join().expect("it commits");
        }
        check(&done(&list), &[(0, 0), (0, 1), (1, 0), (1, 1)]);
    });
}

/// The presenter lets the lock go only after both committers have returned: if one waited for it, none would go on.
pub fn nobody_waits_for_the_presenter() {
    explore(MANY, || {
        let list = Arc::new(List::new(Done::default()));
        let presenter = |_: &mut Done| {
            let committers = [0, 1].map(|thread| {
                let list = Arc::clone(&list);
                thread::spawn(move || list.commit((thread, 0), work))
            });
            for committer in committers {
                committer.join().expect("it commits");
            }
        };
        list.hold(presenter, work);
        check(&done(&list), &[(0, 0), (1, 0)]);
    });
}

/// Work that, after the lock is released, tells the owner of each first commit, who takes the lock and commits again.
fn tell(list: &Arc<List>) -> impl Fn(&mut Done, Vec<Item>) -> Vec<Box<dyn FnOnce()>> + use<> {
    let list = Arc::clone(list);
    move |done, items| {
        done.add(&items);
        let first = items.into_iter().filter(|item| item.1 == 0);
        let told = |(thread, _): Item| {
            let list = Arc::clone(&list);
            let go_on = move || {
                list.hold(|_| (), tell(&list));
                list.commit((thread, 1), tell(&list));
            };
            Box::new(go_on) as Box<dyn FnOnce()>
        };
        first.map(told).collect()
    }
}

/// Telling an outcome wakes tasks, and a waker may do anything: it takes the lock and commits again, from
/// within the commit that told it.
pub fn what_is_told_may_commit_again() {
    explore(MANY, || {
        let list = Arc::new(List::new(Done::default()));
        let other = {
            let list = Arc::clone(&list);
            thread::spawn(move || list.commit((1, 0), tell(&list)))
        };
        list.commit((0, 0), tell(&list));
        other.join().expect("it commits");
        check(&done(&list), &[(0, 0), (0, 1), (1, 0), (1, 1)]);
    });
}
