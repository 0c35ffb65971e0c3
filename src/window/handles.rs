//! A window of an app, as its surface holds it.

use std::sync::Arc;

use raw_window_handle::{DisplayHandle, HandleError, HasDisplayHandle, HasWindowHandle, WindowHandle};
use winit::window::Window;

use super::bridge::FlushWhenDropped;

/// A window, whose end the event loop is told of.
pub(super) struct Handles {
    window: Arc<Window>,
    // After the window.
    _flush: FlushWhenDropped,
}

impl Handles {
    pub(super) fn of(window: Arc<Window>, flush: FlushWhenDropped) -> Self {
        Self { window, _flush: flush }
    }
}

impl HasWindowHandle for Handles {
    fn window_handle(&self) -> Result<WindowHandle<'_>, HandleError> {
        self.window.window_handle()
    }
}

impl HasDisplayHandle for Handles {
    fn display_handle(&self) -> Result<DisplayHandle<'_>, HandleError> {
        self.window.display_handle()
    }
}
