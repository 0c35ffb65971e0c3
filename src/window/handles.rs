//! A window's handles, as Vulkan gets them.

use std::sync::Arc;

use raw_window_handle::{DisplayHandle, HandleError, HasDisplayHandle, HasWindowHandle, WindowHandle};
use winit::window::Window;

/// A window of winit's, on X11 with a connection of its own for the driver.
///
/// Drivers talk to the server on threads of theirs. On winit's connection they would take its events off the socket and leave them in
/// the connection's queue, where the event loop, which sleeps until the socket has something, would not see them until it next has.
pub(super) struct Handles {
    window: Arc<Window>,
    #[cfg(any(
        target_os = "linux",
        target_os = "freebsd",
        target_os = "dragonfly",
        target_os = "netbsd",
        target_os = "openbsd"
    ))]
    own: Option<x11::Own>,
}

impl Handles {
    pub(super) fn of(window: Arc<Window>) -> Self {
        Self {
            #[cfg(any(
                target_os = "linux",
                target_os = "freebsd",
                target_os = "dragonfly",
                target_os = "netbsd",
                target_os = "openbsd"
            ))]
            own: x11::Own::of(&window),
            window,
        }
    }
}

impl HasWindowHandle for Handles {
    fn window_handle(&self) -> Result<WindowHandle<'_>, HandleError> {
        #[cfg(any(
            target_os = "linux",
            target_os = "freebsd",
            target_os = "dragonfly",
            target_os = "netbsd",
            target_os = "openbsd"
        ))]
        if let Some(own) = &self.own {
            return Ok(own.window());
        }
        self.window.window_handle()
    }
}

impl HasDisplayHandle for Handles {
    fn display_handle(&self) -> Result<DisplayHandle<'_>, HandleError> {
        #[cfg(any(
            target_os = "linux",
            target_os = "freebsd",
            target_os = "dragonfly",
            target_os = "netbsd",
            target_os = "openbsd"
        ))]
        if let Some(own) = &self.own {
            return Ok(own.display());
        }
        self.window.display_handle()
    }
}

#[cfg(any(
    target_os = "linux",
    target_os = "freebsd",
    target_os = "dragonfly",
    target_os = "netbsd",
    target_os = "openbsd"
))]
mod x11 {
    use std::{num::NonZeroU32, ptr::NonNull};

    use raw_window_handle::{RawDisplayHandle, RawWindowHandle, XcbDisplayHandle, XcbWindowHandle};
    use x11rb::xcb_ffi::XCBConnection;

    use super::*;

    /// A connection, and the window on it.
    pub(super) struct Own {
        connection: XCBConnection,
        screen: i32,
        window: XcbWindowHandle,
    }

    impl Own {
        /// `None` of a window of Wayland's; and if the server takes no more clients, which is said.
        pub(super) fn of(window: &Window) -> Option<Self> {
            let Ok(RawWindowHandle::Xlib(handle)) = window.window_handle().map(|handle| handle.as_raw()) else {
                return None;
            };
            // The display that winit took, as the environment names it.
            let connected = XCBConnection::connect(None);
            let connected = connected.inspect_err(|error| {
                tracing::warn!(
                    "no second connection to the X server ({error}); events may be late while nothing else happens"
                );
            });
            let (connection, screen) = connected.ok()?;
            let mut window = XcbWindowHandle::new(NonZeroU32::new(u32::try_from(handle.window).ok()?)?);
            window.visual_id = u32::try_from(handle.visual_id).ok().and_then(NonZeroU32::new);
            Some(Self { connection, screen: screen as i32, window })
        }

        pub(super) fn window(&self) -> WindowHandle<'_> {
            // SAFETY: the window lives as long as the `Handles` that this is borrowed from.
            unsafe { WindowHandle::borrow_raw(RawWindowHandle::Xcb(self.window)) }
        }

        pub(super) fn display(&self) -> DisplayHandle<'_> {
            let connection = NonNull::new(self.connection.get_raw_xcb_connection());
            let handle = XcbDisplayHandle::new(connection, self.screen);
            // SAFETY: the connection lives as long as `self`.
            unsafe { DisplayHandle::borrow_raw(RawDisplayHandle::Xcb(handle)) }
        }
    }
}
