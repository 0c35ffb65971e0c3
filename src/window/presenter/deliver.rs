//! One frame on its way: acquire, copy, present.

use std::{
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use ash::vk;
use futures::executor::block_on;

use super::{Acquired, Presenter, Renew};
use crate::{
    error::{During, Error, Result},
    exec::{Committed, Handover, Show, SubmittedFrame, Submitter, Told, Way},
    gpu::{DeviceKind, QueueId, presentation::Fit},
    resource::{GpuImage, ImageDesc, ImageInner, RenderTarget},
    sync::Completion,
    window::choose::{self, Path},
};

/// How long an acquire waits before the thread looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(100);
/// Where there is no image, and the driver has not waited for one.
const PAUSE: Duration = Duration::from_millis(1);

impl Presenter {
    /// Waits, blocking, until there is an image to write. False if there must be another swapchain first, or it is to end.
    ///
    /// # Errors
    /// What the driver says.
    pub(super) fn acquire(&mut self, frame: &mut SubmittedFrame) -> Result<bool> {
        let Some(swapchain) = &self.swapchain else { return Ok(false) };
        let is_mailbox = swapchain.choice.mode == vk::PresentModeKHR::MAILBOX;
        while self.acquired.is_none() {
            let semaphore = self.acquires.take(&self.surface.device)?;
            match swapchain.acquire(PATIENCE.as_nanos() as u64, &semaphore) {
                Ok((index, fit)) => {
                    self.acquired = Some(Acquired { index, semaphore });
                    if fit == Fit::Suboptimal {
                        self.renew = Some(Renew::Suboptimal); // once this frame is shown
                    }
                }
                Err(result) => {
                    self.acquires.give_back(semaphore);
                    if is_out_of_date(result) {
                        self.renew = Some(Renew::OutOfDate);
                        return Ok(false);
                    }
                    match result {
                        vk::Result::TIMEOUT => {}
                        vk::Result::NOT_READY => thread::sleep(PAUSE),
                        other => return Err(other).during("vkAcquireNextImageKHR"),
                    }
                    if self.line.is_stopped() || self.line.has_new_wishes() {
                        return Ok(false);
                    }
                }
            }
            if is_mailbox {
                self.line.newest(frame); // what is stale need not keep its slot
            }
        }
        Ok(true)
    }

    /// Copies a frame to the image that was acquired, and presents it. False if there must be another swapchain first.
    ///
    /// # Errors
    /// What the driver says. Where the copy fails, the image stays acquired, for the next frame.
    pub(super) fn deliver(&mut self, frame: &SubmittedFrame) -> Result<bool> {
        let Some(acquired) = self.acquired.take() else { return Ok(false) };
        let index = acquired.index;
        match self.copy(frame, &acquired) {
            Ok(done) => {
                self.acquires.waited_for(acquired.semaphore, done.clone());
                self.last = Some(done);
                self.present(index)
            }
            Err(error) => {
                self.acquired = Some(acquired);
                Err(error)
            }
        }
    }

    fn copy(&mut self, frame: &SubmittedFrame, acquired: &Acquired) -> Result<Completion> {
        let Some(swapchain) = &self.swapchain else { return Err(Error::Closed) };
        let image = &swapchain.images[acquired.index];
        let (from, to) = (Arc::clone(frame.target.inner()), Arc::clone(&image.inner));
        let handover = Handover { wait: acquired.semaphore.raw, signal: image.copied.raw };
        let was_presented = image.presented;
        let way = self.way(&from, &to)?;
        let show = Show { from, to, way, handover, lease: Arc::clone(&frame.lease) };
        let done = self.submitted(|submitter, told| submitter.show(show, &self.plans, told))?;
        if was_presented {
            // The image came back from the presentation engine: what was presented before is over by then, older swapchains
            // included. That is so when the wait for the acquire is.
            self.retired.over_with(&done);
        }
        self.retired.tidy();
        Ok(done)
    }

    /// How a target gets into an image of the swapchain.
    fn way(&mut self, from: &ImageInner, to: &ImageInner) -> Result<Way> {
        let (source, target) = (from.shape.extent, to.shape.extent);
        let filter = if source == target { vk::Filter::NEAREST } else { vk::Filter::LINEAR };
        Ok(match choose::path(to.shape.format, source, target) {
            Path::Bytes => Way::Copy,
            Path::Converted => Way::Blit(filter),
            Path::AsNumbers => Way::Through(self.numbers(source)?, filter),
        })
    }

    /// An image that takes a target's bytes for plain numbers.
    fn numbers(&mut self, size: [u32; 2]) -> Result<Arc<ImageInner>> {
        if let Some(numbers) = self.numbers.as_ref().filter(|numbers| numbers.shape.extent == size) {
            return Ok(Arc::clone(numbers));
        }
        let desc = ImageDesc::new(size).format(vk::Format::R8G8B8A8_UNORM);
        let image = GpuImage::<RenderTarget>::on(&self.surface.device, "frame as numbers", desc)?;
        Ok(Arc::clone(self.numbers.insert(Arc::clone(image.inner()))))
    }

    fn present(&mut self, index: usize) -> Result<bool> {
        let Some(swapchain) = &mut self.swapchain else { return Ok(false) };
        let (device, presentation) = (&self.surface.device, self.surface.presentation()?);
        // Mesa's software drivers wait for the copy in the call. On a queue that is shared, that would hold up everybody.
        let waits_in_call = device.info.kind == DeviceKind::Cpu;
        // "All elements of the pWaitSemaphores member of pPresentInfo must reference a semaphore signal operation that has been
        // submitted for execution and any semaphore signal operations on which it depends must have also been submitted": who
        // waits for semaphores of others cannot know that they are, before the wait is over.
        if let Some(copied) = self.last.as_ref().filter(|_| waits_in_call || self.submitter.waits_for_others()) {
            block_on(copied.clone())?;
        }
        let shared_queue = device.queues.get(QueueId::GRAPHICS).raw;
        let result = presentation
            .with_own_queue(|queue| swapchain.present(index, queue))
            .unwrap_or_else(|| self.submitter.hold(|| swapchain.present(index, shared_queue)));
        swapchain.images[index].presented = true;
        match result {
            Ok(Fit::Good) => Ok(true),
            Ok(Fit::Suboptimal) => {
                self.renew = Some(Renew::Suboptimal);
                Ok(true)
            }
            // "the set of queue operations are still considered to be enqueued and thus any semaphore wait operation
            // specified in VkPresentInfoKHR will execute": the image and its semaphore go with the swapchain. After any other
            // error that is not so, and they go, too.
            Err(result) => {
                self.renew = Some(Renew::OutOfDate);
                if is_out_of_date(result) { Ok(false) } else { Err(result).during("vkQueuePresentKHR") }
            }
        }
    }

    /// Commits something and waits, blocking, until it is submitted.
    pub(super) fn submitted(&self, commit: impl FnOnce(&Submitter, Told)) -> Result<Completion> {
        let (tell, told) = mpsc::sync_channel(1);
        let tell = move |outcome: Result<Committed>| {
            let _ = tell.send(outcome.map(|committed| committed.done.without_value())); // it waits below
        };
        commit(&self.submitter, Box::new(tell));
        told.recv().unwrap_or(Err(Error::Closed))
    }
}

fn is_out_of_date(result: vk::Result) -> bool {
    matches!(result, vk::Result::ERROR_OUT_OF_DATE_KHR | vk::Result::ERROR_FULL_SCREEN_EXCLUSIVE_MODE_LOST_EXT)
}
