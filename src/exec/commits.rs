//! A list that nobody waits for: commits are appended, and whoever holds the lock works the list off.

use super::prim::{Mutex, TryLockError, lock};

/// Items in the order they were committed, and the state that working them off needs.
pub(crate) struct Commits<T, S> {
    list: Mutex<Vec<T>>,
    state: Mutex<S>,
}

impl<T, S> Commits<T, S> {
    pub(crate) fn new(state: S) -> Self {
        Self { list: Mutex::new(Vec::new()), state: Mutex::new(state) }
    }

    /// Appends `item` and *tries* the lock: if someone holds it, they find the item before they leave. What `work`
    /// returns is called after the lock is released.
    pub(crate) fn commit<F: FnOnce()>(&self, item: T, work: impl Fn(&mut S, Vec<T>) -> Vec<F>) {
        lock(&self.list).push(item);
        self.drain(&work);
    }

    /// Takes the lock, blocking, for something else than a commit; works off what came in meanwhile.
    pub(crate) fn hold<R, F: FnOnce()>(
        &self,
        hold: impl FnOnce(&mut S) -> R,
        work: impl Fn(&mut S, Vec<T>) -> Vec<F>,
    ) -> R {
        // Also when `hold` panics: what was committed meanwhile found the lock taken and relies on us.
        struct Drain<D: Fn()>(D);
        impl<D: Fn()> Drop for Drain<D> {
            fn drop(&mut self) {
                (self.0)();
            }
        }
        let _drain = Drain(|| self.drain(&work));
        hold(&mut lock(&self.state))
    }

    fn drain<F: FnOnce()>(&self, work: &impl Fn(&mut S, Vec<T>) -> Vec<F>) {
        // Again after unlocking: an item appended while we held the lock found it taken and left. If its `try_lock`
        // failed because of us, its push came before our unlock, so this look at the list sees it.
        while !lock(&self.list).is_empty() {
            let mut state = match self.state.try_lock() {
                Ok(state) => state,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let items = std::mem::take(&mut *lock(&self.list));
            let later = work(&mut state, items);
            drop(state);
            later.into_iter().for_each(|call| call());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_while_the_lock_is_held_is_worked_off_by_its_holder() {
        let commits = Commits::new(Vec::new());
        let work = |done: &mut Vec<u32>, items: Vec<u32>| -> Vec<fn()> {
            done.extend(items);
            Vec::new()
        };
        commits.hold(|_| commits.commit(1, work), work);
        commits.commit(2, work);
        assert_eq!(commits.hold(|done| done.clone(), work), [1, 2]);
    }

    #[test]
    fn every_commit_of_many_threads_is_worked_off_once_and_in_each_threads_order() {
        let commits = Commits::new(Vec::new());
        let work = |done: &mut Vec<(u32, u32)>, items: Vec<(u32, u32)>| -> Vec<fn()> {
            done.extend(items);
            Vec::new()
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let commits = &commits;
                scope.spawn(move || (0..1000).for_each(|i| commits.commit((thread, i), work)));
            }
        });
        let done = commits.hold(|done| done.clone(), work);
        assert_eq!(done.len(), 4000);
        for thread in 0..4 {
            let own: Vec<_> = done.iter().filter(|item| item.0 == thread).map(|item| item.1).collect();
            assert!(own.is_sorted(), "thread {thread}");
        }
    }
}
