//! Cubes that are shown, and the view that shows them at the window's size.

use std::time::Duration;

use vulkio::{
    Cubes, Error, Frame, RasterPath, Result, View, ViewOptions,
    scene::{Camera, Wave},
};

/// A scene and how it is drawn.
pub(crate) struct Stage {
    pub(crate) cubes: Cubes,
    /// What moves the cubes, if they move.
    pub(crate) wave: Option<Wave>,
    options: ViewOptions,
    /// How it is to be drawn from the next frame on, if that is possible.
    wanted: Option<ViewOptions>,
    /// Of the size and with the options of the last frame.
    view: Option<View>,
    /// Where the wave was in the last frame.
    waved: Option<Duration>,
}

impl Stage {
    pub(crate) fn new(cubes: Cubes, wave: Option<Wave>, options: ViewOptions) -> Self {
        Self { cubes, wave, options, wanted: None, view: None, waved: None }
    }

    /// How it is drawn.
    pub(crate) fn options(&self) -> ViewOptions {
        self.options
    }

    /// How it is to be drawn.
    pub(crate) fn wanted(&self) -> ViewOptions {
        self.wanted.unwrap_or(self.options)
    }

    /// Draws otherwise from the next frame on: what was changed before stays so.
    pub(crate) fn draw_with(&mut self, change: impl Fn(ViewOptions) -> ViewOptions) {
        self.wanted = Some(change(self.wanted()));
    }

    /// What the last frame was drawn with.
    pub(crate) fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// What cubes became pixels with.
    pub(crate) fn path(&self) -> Option<RasterPath> {
        self.view.as_ref().map(View::path)
    }

    /// Adds what draws the cubes to a frame; `time` is how far those that move are. Gives why they are drawn as before, if what
    /// was wanted is not possible.
    pub(crate) async fn draw(
        &mut self,
        frame: &Frame,
        camera: impl Fn(f32) -> Camera,
        time: Duration,
    ) -> Result<Option<Error>> {
        let size = frame.target().extent();
        let refused = self.change(size).await;
        let view = match self.view.take().filter(|view| view.size() == size) {
            Some(view) => view,
            // The one before goes when the frames that it is in are through.
            None => self.cubes.view(size, self.options).await?,
        };
        let view = self.view.insert(view);
        // While it stands still, so do the packed cubes.
        if let Some(wave) = self.wave.as_ref().filter(|_| self.waved != Some(time)) {
            self.waved = Some(time);
            frame.add(wave.at(time.as_secs_f64()));
            frame.add(self.cubes.refit(wave.places())?);
        }
        let aspect = size[0] as f32 / size[1] as f32;
        frame.add(view.draw(camera(aspect), frame.target()));
        Ok(refused)
    }

    /// Changes to what is wanted; why that is not possible.
    async fn change(&mut self, size: [u32; 2]) -> Option<Error> {
        let wanted = self.wanted.take().filter(|wanted| *wanted != self.options)?;
        match self.cubes.view(size, wanted).await {
            Ok(view) => {
                (self.options, self.view) = (wanted, Some(view));
                None
            }
            Err(error) => Some(error),
        }
    }
}
