//! A thread as a task that is woken.

use std::{sync::Arc, task::Wake};

use crate::prim::{Condvar, Mutex, lock};

/// A thread that waits to be woken.
#[derive(Default)]
pub(crate) struct Sleeper {
    woken: Mutex<bool>,
    wake: Condvar,
}

impl Sleeper {
    pub(crate) fn wait(&self) {
        let mut woken = lock(&self.woken);
        while !*woken {
            woken = self.wake.wait(woken).expect("a panic ends the model");
        }
        *woken = false;
    }
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        *lock(&self.woken) = true;
        self.wake.notify_one();
    }
}
