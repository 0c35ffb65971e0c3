//! A view: one camera's pictures of a scene, with what it takes to draw them.

mod frame;
mod lens;
mod options;
mod resolve;
mod state;
mod work;

use std::{borrow::Borrow, sync::Arc};

pub use frame::DrawView;
pub use options::{RasterPath, ViewOptions};

use self::state::ViewState;
pub(crate) use self::{lens::Lens, work::WorkList};
use crate::{
    cull::Cubes,
    error::Result,
    graph::Graph,
    resource::{GpuImage, RenderTarget},
    scene::Camera,
};

/// The id of a pixel that shows no cube, see [`View::ids`].
pub const NO_ID: u32 = u32::MAX;

/// The sky behind the cubes, as a linear colour: far cubes fade into it.
pub const SKY: [f32; 3] = [0.47, 0.65, 0.86];

/// What one camera sees of a scene, frame after frame. Cheap to clone: a handle.
///
/// Made by [`Cubes::view`]. It has its own buffers, of the picture's size, and remembers what the last frame showed, to draw
/// that first in the next: so it is for one camera, that moves as it likes. Several cameras take a view each.
///
/// ```no_run
/// # use vulkio::{Cubes, Gpu, Renderer, ViewOptions, scene::{self, Camera}};
/// # async fn f(gpu: Gpu, renderer: Renderer, camera: Camera) -> vulkio::Result<()> {
/// let cubes = Cubes::upload(&gpu, scene::grid(1_000_000)).await?;
/// let view = cubes.view([1920, 1080], ViewOptions::default()).await?;
/// let frame = renderer.frame().await?;
/// frame.add(view.draw(camera, frame.target()));
/// frame.submit().await?;
/// let ids = view.ids().await?; // which cube each pixel shows
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct View {
    state: Arc<ViewState>,
}

impl Cubes {
    /// Makes what it takes to draw these cubes as one camera sees them, in pictures of `size` pixels.
    ///
    /// Everything is allocated here: on the compute path about 18 bytes a pixel, and 4 a cell of 128 to 256 cubes; drawing allocates
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) for a size that is 0 or beyond 16,384, or options that contradict each
    /// other; [`Error::MissingFeatures`](crate::Error::MissingFeatures) if the path that was asked for needs what the device
    /// lacks; [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives back everything.
    pub async fn view(&self, size: [u32; 2], options: ViewOptions) -> Result<View> {
        Ok(View { state: Arc::new(ViewState::new(self, size, options).await?) })
    }
}

impl View {
    /// The passes that draw what `camera` sees into `target`, an sRGB image (`R8G8B8A8_SRGB`) of the view's size. Its old
    /// contents are lost. The camera's aspect should be the target's.
    ///
    /// Nothing that shows is ever missing, whatever the camera did since the last frame; with several samples a pixel, what
    /// shows only through gaps that the first samples of all pixels around miss may be.
    ///
    /// # Errors
    ///
    /// None here: a target of another size or format fails the frame when it is recorded.
    #[must_use = "add it to a frame"]
    pub fn draw(&self, camera: Camera, target: impl Borrow<GpuImage<RenderTarget>>) -> DrawView {
        DrawView::new(self.clone(), camera, target.borrow().clone())
    }

    /// How this view draws: what [`RasterPath::Auto`] came to on this device.
    #[must_use]
    pub fn path(&self) -> RasterPath {
        self.state.path
    }

    /// Width and height of its pictures, in pixels.
    #[must_use]
    pub fn size(&self) -> [u32; 2] {
        self.state.size
    }

    /// Which cube each pixel of the last submitted draw shows: its index in the
    /// [`InstanceSource`](crate::scene::InstanceSource), or [`NO_ID`] where there is none. Row after row from the top left.
    ///
    /// # Errors
    ///
    /// Those of [`Gpu::read`](crate::Gpu::read).
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is read.
    pub async fn ids(&self) -> Result<Vec<u32>> {
        let gpu = &self.state.cubes.shared.gpu;
        let ids = gpu.buffer::<u32>("view.ids", self.state.pixels() as usize)?;
        let graph = Graph::new(gpu, "view.ids");
        self.state.look_up(&graph, &ids);
        graph.submit().await?;
        let ids = gpu.read(&ids, ..).await?;
        gpu.shared.helpers.run("copying ids", move || ids.to_vec()).await
    }

    /// What the last draw did, as counts of cells and tiles: for tests and profiles.
    ///
    /// # Errors
    ///
    /// Those of [`Gpu::read`](crate::Gpu::read).
    #[doc(hidden)]
    pub async fn counts(&self) -> Result<ViewCounts> {
        self.state.counts().await
    }
}

/// See [`View::counts`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewCounts {
    /// Cubes that were drawn first, because the frame before showed them.
    pub kept: u32,
    /// Cells that were drawn then.
    pub appeared: u32,
    /// Cubes that own a pixel; one in several places may count as several.
    pub shown: u32,
    /// Tiles of large cubes in the second phase, or all cubes that the rasteriser was to draw in it, those that found no place
    /// included.
    pub tiles: u32,
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("size", &self.size()).field("path", &self.path()).finish_non_exhaustive()
    }
}
