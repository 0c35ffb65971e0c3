//! A connection to the X server for the driver alone.
//!
//! Drivers talk to the server on threads of theirs. On the window's own connection they take its events off the socket and leave them in
//! that connection's queue, where an event loop that sleeps until the socket has something does not see them until it next has.

#[cfg(all(unix, not(any(target_vendor = "apple", target_os = "android"))))]
mod x11 {
    use std::{num::NonZeroU32, ptr::NonNull};

    use raw_window_handle::{RawDisplayHandle, RawWindowHandle, XcbDisplayHandle, XcbWindowHandle};
    use x11rb::{protocol::xproto::ConnectionExt, xcb_ffi::XCBConnection};

    /// A connection, and the window on it.
    pub(in crate::window) struct Own {
        connection: XCBConnection,
        screen: i32,
        window: NonZeroU32,
    }

    impl Own {
        /// For a window of Xlib's; `None` of any other, and if the server takes no more clients or does not know it, which is said.
        pub(in crate::window) fn of(window: RawWindowHandle) -> Option<Self> {
            let RawWindowHandle::Xlib(handle) = window else { return None };
            let id = NonZeroU32::new(u32::try_from(handle.window).ok()?)?;
            let own = Self::connect(id);
            if let Err(reason) = &own {
                tracing::warn!(
                    "no connection to the X server for the driver alone ({reason}); the window's events may be late while \
                     nothing else happens"
                );
            }
            own.ok()
        }

        fn connect(window: NonZeroU32) -> Result<Self, Box<dyn std::error::Error>> {
            // Toolkits take the display that the environment names; whether this one did, the server tells.
            let (connection, screen) = XCBConnection::connect(None)?;
            connection.get_window_attributes(window.get())?.reply()?;
            Ok(Self { connection, screen: screen as i32, window })
        }

        /// The window's handles on this connection, which must outlive their use.
        pub(in crate::window) fn handles(&self) -> (RawDisplayHandle, RawWindowHandle) {
            let connection = NonNull::new(self.connection.get_raw_xcb_connection());
            let display = RawDisplayHandle::Xcb(XcbDisplayHandle::new(connection, self.screen));
            (display, RawWindowHandle::Xcb(XcbWindowHandle::new(self.window)))
        }
    }
}

#[cfg(not(all(unix, not(any(target_vendor = "apple", target_os = "android")))))]
mod x11 {
    use std::convert::Infallible;

    use raw_window_handle::{RawDisplayHandle, RawWindowHandle};

    /// There is no X server.
    pub(in crate::window) struct Own(Infallible);

    impl Own {
        pub(in crate::window) fn of(_: RawWindowHandle) -> Option<Self> {
            None
        }

        pub(in crate::window) fn handles(&self) -> (RawDisplayHandle, RawWindowHandle) {
            match self.0 {}
        }
    }
}

pub(super) use x11::Own;
