//! Binary semaphores, between the presentation engine and the queue.

use std::{collections::VecDeque, sync::Arc};

use ash::vk;

use crate::{
    error::{During, Result},
    gpu::{counters::Counters, device::Device},
    sync::Completion,
};

/// A binary semaphore. Whoever drops it knows that nothing will signal it, or wait for it, any more.
pub(super) struct Semaphore {
    device: Arc<Device>,
    pub(super) raw: vk::Semaphore,
}

impl Semaphore {
    pub(super) fn new(device: &Arc<Device>, name: &str) -> Result<Self> {
        // SAFETY: the device is alive, the structure valid.
        let raw = unsafe { device.raw.create_semaphore(&vk::SemaphoreCreateInfo::default(), None) };
        let raw = raw.during("vkCreateSemaphore")?;
        Counters::add(&device.counters.semaphores, 1);
        device.labels.name(raw, name);
        Ok(Self { device: Arc::clone(device), raw })
    }
}

impl Drop for Semaphore {
    fn drop(&mut self) {
        // SAFETY: as said above.
        unsafe { self.device.raw.destroy_semaphore(self.raw, None) };
    }
}

/// Semaphores that acquires signal. One is used again when what waited for it is complete.
#[derive(Default)]
pub(super) struct Acquires {
    free: Vec<Semaphore>,
    /// By age: what waited for each.
    waited_for: VecDeque<(Completion, Semaphore)>,
}

impl Acquires {
    /// One that nothing signals or waits for.
    ///
    /// # Errors
    /// What the driver says.
    pub(super) fn take(&mut self, device: &Arc<Device>) -> Result<Semaphore> {
        let over = self.waited_for.iter().take_while(|(done, _)| done.is_complete()).count();
        self.free.extend(self.waited_for.drain(..over).map(|(_, semaphore)| semaphore));
        self.free.pop().map_or_else(|| Semaphore::new(device, "image acquired"), Ok)
    }

    /// It was not used: nothing signals it.
    pub(super) fn give_back(&mut self, semaphore: Semaphore) {
        self.free.push(semaphore);
    }

    /// It is waited for by what `done` completes.
    pub(super) fn waited_for(&mut self, semaphore: Semaphore, done: Completion) {
        self.waited_for.push_back((done, semaphore));
    }
}
