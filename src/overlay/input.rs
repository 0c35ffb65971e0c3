//! A window's events as egui's input.

use std::{fmt, sync::Arc};

use winit::{event::WindowEvent, window::Window};

use super::{Overlay, egui, egui_winit};

/// Feeds an [`Overlay`] from a window.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use vulkio::overlay::{Input, Overlay};
/// # fn example(overlay: &mut Overlay, window: &Arc<winit::window::Window>, frame: vulkio::Frame,
/// #   events: Vec<winit::event::WindowEvent>) -> vulkio::Result<()> {
/// let mut input = Input::new(overlay, window);
/// for event in &events {
///     if !input.on_event(event) {
///         // it is not egui's: steer the camera by it
///     }
/// }
/// let asked = overlay.run(&frame, input.take(), |ui| ())?;
/// input.apply(asked.platform);
/// # Ok(()) }
/// ```
pub struct Input {
    window: Arc<Window>,
    state: egui_winit::State,
}

impl Input {
    /// Input of `window` for `overlay`.
    #[must_use]
    pub fn new(overlay: &Overlay, window: &Arc<Window>) -> Self {
        let context = overlay.context().clone();
        let side = overlay.gpu.info().limits.max_image_dimension2_d as usize;
        let scale = window.scale_factor() as f32;
        let (root, theme) = (egui::ViewportId::ROOT, window.theme());
        let state = egui_winit::State::new(context, root, window.as_ref(), Some(scale), theme, Some(side));
        Self { window: Arc::clone(window), state }
    }

    /// Notes an event of the window. Whether egui has consumed it: then nobody else should act on it.
    pub fn on_event(&mut self, event: &WindowEvent) -> bool {
        self.state.on_window_event(&self.window, event).consumed
    }

    /// Notes a motion of the mouse that is not bound to the cursor.
    pub fn on_mouse_motion(&mut self, delta: (f64, f64)) {
        self.state.on_mouse_motion(delta);
    }

    /// What came since the last call, for [`Overlay::run`].
    #[must_use]
    pub fn take(&mut self) -> egui::RawInput {
        self.state.take_egui_input(&self.window)
    }

    /// Does what egui asks of the window: the cursor's shape, text for the clipboard, input methods.
    pub fn apply(&mut self, output: egui::PlatformOutput) {
        self.state.handle_platform_output(&self.window, output);
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("window", &self.window.id()).finish_non_exhaustive()
    }
}
