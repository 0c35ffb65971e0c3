//! The thread of a surface: it takes submitted frames in the order of their commits, copies each into an image of the
//! swapchain, and presents it. Nobody else touches the swapchain.

mod deliver;
mod fit;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use ash::vk;

use super::{
    Vsync,
    choose::{Choice, Offer},
    line::Line,
    raw::RawSurface,
    retired::Retired,
    semaphores::{Acquires, Semaphore},
    swapchain::Swapchain,
};
use crate::{
    error::{Error, Result, guarded, panic_message},
    exec::{SubmittedFrame, Submitter, Terms},
    graph::cache::PlanCache,
    resource::ImageInner,
    sync::{Completion, prim::lock},
};

/// So many swapchains are made for one frame, if each is out of date before it is used. The next frame tries again.
const TRIES: u32 = 8;

/// What the thread owns. Fields are dropped in order: swapchains before their surface.
pub(super) struct Presenter {
    line: Arc<Line>,
    terms: Arc<Terms>,
    submitter: Arc<Submitter>,
    plans: PlanCache,
    swapchain: Option<Swapchain>,
    /// The image that the next frame goes to, once there is one.
    acquired: Option<Acquired>,
    acquires: Acquires,
    retired: Retired,
    /// What [`Path::AsNumbers`](super::choose::Path) goes through.
    numbers: Option<Arc<ImageInner>>,
    /// The last copy that was submitted.
    last: Option<Completion>,
    /// Why the swapchain is to be made anew.
    renew: Option<Renew>,
    /// What the swapchain was made of that was made last because one was suboptimal.
    because_suboptimal: Option<Choice>,
    /// The wish that was told of last, as it could not be fulfilled.
    told: Option<Vsync>,
    /// Whether it was told that a frame drew nothing.
    told_undrawn: bool,
    offer: Offer,
    /// The caller's own wish.
    format: Option<vk::Format>,
    surface: RawSurface,
}

/// An image that is ours until it is presented.
struct Acquired {
    index: usize,
    /// Signalled when it can be written.
    semaphore: Semaphore,
}

/// Why a swapchain is made in place of one that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renew {
    /// It cannot be used any more.
    OutOfDate,
    /// It does not fit.
    Suboptimal,
}

/// What a presenter begins with.
pub(super) struct Parts {
    pub(super) line: Arc<Line>,
    pub(super) terms: Arc<Terms>,
    pub(super) submitter: Arc<Submitter>,
    pub(super) format: Option<vk::Format>,
    pub(super) surface: RawSurface,
}

impl Presenter {
    /// Asks the surface what it offers. Blocks.
    ///
    /// # Errors
    /// Frames cannot be shown on it.
    pub(super) fn new(parts: Parts) -> Result<Self> {
        let Parts { line, terms, submitter, format, surface } = parts;
        surface.check_support()?;
        let offer = surface.offer()?;
        let (wishes, _) = line.look();
        Choice::new(&offer, wishes.vsync, wishes.size, format)?; // whether there can be one
        Ok(Self {
            line,
            terms,
            submitter,
            plans: PlanCache::default(),
            swapchain: None,
            acquired: None,
            acquires: Acquires::default(),
            retired: Retired::default(),
            numbers: None,
            last: None,
            renew: None,
            because_suboptimal: None,
            told: None,
            told_undrawn: false,
            offer,
            format,
            surface,
        })
    }

    /// Shows frames until it is told to stop, or cannot go on; then destroys all that it made.
    pub(super) fn run(mut self) {
        // A waker that panics must not leave the GPU with images that are gone, nor who draws without an answer.
        let why = catch_unwind(AssertUnwindSafe(|| self.show_all())).unwrap_or_else(|payload| {
            Some(Error::HelperPanicked { task: "presenting".into(), message: panic_message(&*payload) })
        });
        let terms = Arc::clone(&self.terms);
        self.end();
        // Told when nothing is left of the surface: another one may be made for the window at once.
        if let Some(error) = why {
            guarded("a waker", || terms.end(error.clone()));
            guarded("a subscriber", || tracing::warn!(%error, "no more frames are shown in this window"));
        }
    }

    /// Shows frames until it is told to stop; gives back why it cannot go on, if that is so.
    fn show_all(&mut self) -> Option<Error> {
        while let Some(frame) = self.line.next() {
            let shown = self.show(frame);
            let is_shown = matches!(shown, Ok(true));
            let fatal = shown.err().and_then(|error| self.told_or_fatal(error));
            // Last: whoever sees the figures finds the error.
            self.line.count(|stats| if is_shown { stats.presented += 1 } else { stats.dropped += 1 });
            if fatal.is_some() {
                return fatal;
            }
        }
        None
    }

    /// Tells who draws of an error; gives it back if no further frames can be shown.
    fn told_or_fatal(&self, error: Error) -> Option<Error> {
        if error.is_device_lost() {
            self.submitter.lost(error.clone());
            return Some(error);
        }
        if matches!(error, Error::SurfaceLost | Error::Closed) {
            return Some(error);
        }
        self.terms.report(error.clone());
        tracing::warn!(%error, "a frame was not shown");
        None
    }

    /// Shows one frame; in a mailbox a newer one, if there is one when it comes to that. False if it could not.
    fn show(&mut self, mut frame: SubmittedFrame) -> Result<bool> {
        for _ in 0..TRIES {
            if !self.has_picture(&frame) || !self.fit()? || self.line.is_stopped() {
                return Ok(false);
            }
            // It may be another frame once there is an image.
            if self.acquire(&mut frame)? && self.has_picture(&frame) && self.deliver(&frame)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether anything was drawn to the frame's target; says once where not.
    fn has_picture(&mut self, frame: &SubmittedFrame) -> bool {
        let is_drawn = is_drawn(frame);
        if !is_drawn && !std::mem::replace(&mut self.told_undrawn, true) {
            tracing::warn!("a frame was submitted whose target nothing ever drew to; such frames are not shown");
        }
        is_drawn
    }

    /// Waits, blocking, for what it submitted, and destroys it all.
    fn end(mut self) {
        self.line.stop();
        guarded("a waker", || self.line.drop_rest());
        self.retire();
        self.settle();
    }
}

fn is_drawn(frame: &SubmittedFrame) -> bool {
    let image = frame.target.inner();
    lock(&image.state).is_written(image.whole())
}
