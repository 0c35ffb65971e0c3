//! What draws frames, as a trait: for code that is to run on a [`Renderer`] and on a stand-in for it.

use std::{future::Future, sync::Arc};

use super::{encoder::Encoder, frame::Frame, renderer::Renderer, stats::FrameStats};
use crate::{error::Result, sync::Completion};

/// What frames are drawn with. [`Renderer`] is one; another counts, records for a test, or draws elsewhere.
///
/// Its futures are `Send`, so code that is generic over back ends can be spawned.
///
/// ```no_run
/// use vulkio::{BackendFrame, Renderer, RenderBackend};
///
/// /// Draws a night that gets brighter, on whatever back end.
/// async fn dawn<B: RenderBackend>(backend: &B) -> vulkio::Result<B::Stats> {
///     for step in 0..=60 {
///         let frame = backend.begin_frame().await?; // waits for a free slot
///         frame.draw("sky", Some([0.0, 0.0, step as f32 / 60.0, 1.0]), |_| Ok(()));
///         let done = backend.end_frame(frame).await?; // submitted
///         if step == 60 {
///             return done.await; // complete
///         }
///     }
///     unreachable!()
/// }
/// # async fn example(renderer: Renderer) -> vulkio::Result<()> {
/// println!("{}", dawn(&renderer).await?);
/// # Ok(()) }
/// ```
pub trait RenderBackend: Send + Sync {
    /// A frame that is being drawn.
    type Frame: BackendFrame;
    /// What is known of a complete frame.
    type Stats: Send;
    /// The future of a submitted frame.
    type Done: Future<Output = Result<Self::Stats>> + Send + Unpin + 'static;

    /// Waits until there is room for a further frame, and begins it.
    ///
    /// # Errors
    ///
    /// The back end's.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it must leave no frame behind.
    fn begin_frame(&self) -> impl Future<Output = Result<Self::Frame>> + Send;

    /// Submits the frame. Resolves when that is done, to the future of its completion.
    ///
    /// # Errors
    ///
    /// What went wrong with the frame, its passes included. It was not submitted then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the frame must be submitted whole or not at all.
    fn end_frame(&self, frame: Self::Frame) -> impl Future<Output = Result<Self::Done>> + Send;
}

/// A frame of a [`RenderBackend`]. Dropping it must change nothing but to make room for another.
pub trait BackendFrame: Send {
    /// What a pass records into. What code wants to record with it, it says by a bound on this.
    type Encoder<'a>;

    /// Width and height of what it draws, in pixels.
    fn size(&self) -> [u32; 2];

    /// Adds a pass that draws on the frame's target: on this colour, or on what the passes before it drew.
    fn draw<F>(&self, pass: &str, clear: Option<[f32; 4]>, record: F)
    where
        F: FnOnce(&mut Self::Encoder<'_>) -> Result<()> + Send + 'static;
}

impl RenderBackend for Renderer {
    type Frame = Frame;
    type Stats = Arc<FrameStats>;
    type Done = Completion<Arc<FrameStats>>;

    fn begin_frame(&self) -> impl Future<Output = Result<Frame>> + Send {
        self.frame()
    }

    fn end_frame(&self, frame: Frame) -> impl Future<Output = Result<Self::Done>> + Send {
        frame.submit()
    }
}

impl BackendFrame for Frame {
    type Encoder<'a> = Encoder<'a>;

    fn size(&self) -> [u32; 2] {
        self.target().extent()
    }

    fn draw<F>(&self, pass: &str, clear: Option<[f32; 4]>, record: F)
    where
        F: FnOnce(&mut Encoder<'_>) -> Result<()> + Send + 'static,
    {
        let target = self.target();
        let target = clear.map_or_else(|| target.load(), |color| target.clear(color));
        self.pass(pass).renders(target).record(record);
    }
}
