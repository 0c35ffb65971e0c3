//! A swapchain that fits the window: when one is made, and when old ones go.

use ash::vk;
use futures::executor::block_on;

use super::{Presenter, Renew};
use crate::{
    error::Result,
    window::{
        choose::{self, Choice},
        line::Wishes,
        swapchain::Swapchain,
    },
};

impl Presenter {
    /// Makes a swapchain if there is none, or not the right one. Whether there is one: a window may have no pixels.
    ///
    /// # Errors
    /// [`Error::SurfaceLost`](crate::Error::SurfaceLost); else what the driver says.
    pub(super) fn fit(&mut self) -> Result<bool> {
        let (wishes, may_differ) = self.line.look();
        if self.swapchain.is_some() && self.renew.is_none() && !may_differ {
            return Ok(true);
        }
        // Where this fails, the next frame looks again.
        self.offer.capabilities = self.surface.capabilities().inspect_err(|_| self.line.look_again())?;
        let renew = self.renew.take();
        let Some(choice) = Choice::new(&self.offer, wishes.vsync, wishes.size, self.format)? else {
            self.retire();
            return Ok(false);
        };
        self.tell_of(wishes, choice);
        if !self.is_good(choice, renew) {
            self.make(choice)?;
        }
        Ok(true)
    }

    /// Whether there is a swapchain that was made as this one would be, and a new one would be no better.
    fn is_good(&mut self, choice: Choice, renew: Option<Renew>) -> bool {
        let would_be_as_good = match renew {
            None => true,
            Some(Renew::OutOfDate) => false,
            // There are surfaces for which every swapchain is suboptimal.
            Some(Renew::Suboptimal) => self.because_suboptimal.replace(choice) == Some(choice),
        };
        would_be_as_good && self.swapchain.as_ref().is_some_and(|swapchain| swapchain.choice == choice)
    }

    fn make(&mut self, choice: Choice) -> Result<()> {
        let old = self.swapchain.take();
        let new = Swapchain::new(&self.surface, choice, old.as_ref());
        self.put_away(old);
        let new = new?;
        let [width, height] = choice.extent;
        tracing::debug!(width, height, mode = ?choice.mode, images = new.images.len(), "made a swapchain");
        self.line.count(|stats| {
            stats.swapchains += 1;
            (stats.size, stats.mode) = (choice.extent, choice.mode);
        });
        self.swapchain = Some(new);
        if self.retired.are_many() {
            self.settle();
        }
        Ok(())
    }

    /// Does without a swapchain.
    pub(super) fn retire(&mut self) {
        let old = self.swapchain.take();
        self.put_away(old);
    }

    fn put_away(&mut self, old: Option<Swapchain>) {
        let acquired = self.acquired.take().map(|acquired| acquired.semaphore);
        self.retired.extend(old.map(|old| (old, acquired)));
        self.line.count(|stats| (stats.size, stats.mode) = ([0, 0], vk::PresentModeKHR::FIFO));
    }

    /// Says once that a wish cannot be fulfilled.
    fn tell_of(&mut self, Wishes { vsync, .. }: Wishes, choice: Choice) {
        if !choose::is_as_wished(choice.mode, vsync) && self.told.replace(vsync) != Some(vsync) {
            tracing::warn!(wanted = ?vsync, instead = ?choice.mode, "this window's surface cannot present as asked");
        }
    }

    /// Waits, blocking, until neither the queue nor the presentation engine needs the old swapchains, and destroys them.
    pub(super) fn settle(&mut self) {
        if let Some(last) = &self.last {
            let _ = block_on(last.clone()); // lost, the device works on nothing
        }
        if self.retired.is_empty() {
            return;
        }
        let device = &self.surface.device;
        // SAFETY: nobody else uses the queue meanwhile.
        let idle = |queue| unsafe { device.raw.queue_wait_idle(queue) };
        let waited = device.presentation.as_ref().and_then(|presentation| presentation.with_own_queue(idle));
        match waited {
            Some(Ok(())) => {}
            Some(Err(error)) => tracing::debug!(?error, "vkQueueWaitIdle on the queue that presents"),
            // On a queue that is shared, this would hold up everybody: what is submitted now comes after what was presented.
            None => match self.submitted(|submitter, told| submitter.mark(told)) {
                Ok(mark) => drop(block_on(mark)),
                Err(error) => tracing::debug!(%error, "the device is lost, or closed"),
            },
        }
        self.retired.clear();
    }
}
