//! An X server without a screen, and windows on it.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use vulkio::window::raw_window_handle::{
    DisplayHandle, HandleError, HasDisplayHandle, HasWindowHandle, RawDisplayHandle, RawWindowHandle, WindowHandle,
    XcbDisplayHandle, XcbWindowHandle,
};
use x11rb::{
    COPY_DEPTH_FROM_PARENT, COPY_FROM_PARENT,
    connection::Connection,
    protocol::xproto::{ConfigureWindowAux, ConnectionExt, CreateWindowAux, ImageFormat, WindowClass},
    wrapper::ConnectionExt as _,
    xcb_ffi::XCBConnection,
};

/// An X server of a test's own. It ends with it: also when the test is killed, as its last client is gone then.
pub(crate) struct Display {
    server: Child,
    name: String,
    windows: AtomicU32,
    /// Keeps the server from ending between two windows.
    _client: XCBConnection,
}

impl Display {
    /// Starts one with a screen of 1024 x 768 pixels. There being none is a failure.
    pub(crate) fn start() -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1024x768x24", "-nolisten", "tcp", "-noreset", "-terminate"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tests of windows need Xvfb; `./x test` installs it");
        let mut number = String::new();
        let output = server.stdout.as_mut().expect("it was piped");
        BufReader::new(output).read_line(&mut number).expect("Xvfb says its number");
        let name = format!(":{}", number.trim());
        let (client, _) = XCBConnection::connect(Some(&c_name(&name))).expect("Xvfb takes a client");
        Self { server, name, windows: AtomicU32::new(0), _client: client }
    }

    /// As the environment variable `DISPLAY` has it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A window that nobody manages. The first 35 lie side by side, as long as they are no larger than 128 x 128 pixels: a
    /// window that is covered keeps no pixels.
    pub(crate) fn window(&self, size: [u32; 2]) -> Arc<Window> {
        let (connection, screen) = XCBConnection::connect(Some(&c_name(&self.name))).expect("Xvfb takes a client");
        let root = &connection.setup().roots[screen];
        let (root, visual) = (root.root, COPY_FROM_PARENT);
        let id = connection.generate_id().expect("a number");
        let [width, height] = size.map(side);
        let place = self.windows.fetch_add(1, Ordering::SeqCst) as i16 % 35;
        let (x, y) = (place % 7 * 140, place / 7 * 140);
        let class = WindowClass::INPUT_OUTPUT;
        let look = CreateWindowAux::new().override_redirect(1).background_pixel(0);
        connection
            .create_window(COPY_DEPTH_FROM_PARENT, id, root, x, y, width, height, 0, class, visual, &look)
            .expect("asked");
        connection.map_window(id).expect("asked");
        connection.sync().expect("done");
        Arc::new(Window { connection, id, screen, is_gone: AtomicBool::new(false) })
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn c_name(name: &str) -> std::ffi::CString {
    std::ffi::CString::new(name).expect("no NUL")
}

/// Windows of X have no empty side.
fn side(side: u32) -> u16 {
    u16::try_from(side.max(1)).expect("a small window")
}

/// A window.
pub(crate) struct Window {
    connection: XCBConnection,
    id: u32,
    screen: usize,
    is_gone: AtomicBool,
}

impl Window {
    pub(crate) fn resize(&self, size: [u32; 2]) {
        let [width, height] = size.map(|own| u32::from(side(own)));
        self.connection
            .configure_window(self.id, &ConfigureWindowAux::new().width(width).height(height))
            .expect("asked");
        self.connection.sync().expect("done");
    }

    /// Takes the window away from under whoever shows something in it.
    pub(crate) fn destroy(&self) {
        if !self.is_gone.swap(true, Ordering::SeqCst) {
            self.connection.destroy_window(self.id).expect("asked");
            self.connection.sync().expect("done");
        }
    }

    /// What it shows now: red, green and blue of each pixel, row after row. Everything of it must be on the screen.
    pub(crate) fn grab(&self) -> Grab {
        let geometry = self.connection.get_geometry(self.id).expect("asked").reply().expect("a window");
        let (width, height) = (geometry.width, geometry.height);
        let format = ImageFormat::Z_PIXMAP;
        let image = self.connection.get_image(format, self.id, 0, 0, width, height, u32::MAX).expect("asked");
        let image = image.reply().expect("an image");
        assert_eq!(image.data.len(), usize::from(width) * usize::from(height) * 4, "32 bits a pixel");
        let rgb = image.data.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Grab { size: [width.into(), height.into()], rgb }
    }

    /// Waits, blocking, until it shows what is asked for: what was presented is drawn by the server when it comes to that.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&Grab) -> bool) -> Grab {
        let limit = Instant::now() + Duration::from_secs(60);
        loop {
            let grab = self.grab();
            if is_it(&grab) {
                return grab;
            }
            assert!(Instant::now() < limit, "the window never shows {what}, but {:?}", grab.summary());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until every pixel has a colour.
    #[track_caller]
    pub(crate) fn wait_for_color(&self, rgb: [u8; 3]) -> Grab {
        self.wait_for(&format!("{rgb:?} everywhere"), |grab| grab.rgb.chunks_exact(3).all(|pixel| pixel == rgb))
    }
}

impl HasWindowHandle for Window {
    fn window_handle(&self) -> Result<WindowHandle<'_>, HandleError> {
        let handle = XcbWindowHandle::new(self.id.try_into().map_err(|_| HandleError::Unavailable)?);
        // SAFETY: the window lives as long as `self`, but for tests that are about its not doing so.
        Ok(unsafe { WindowHandle::borrow_raw(RawWindowHandle::Xcb(handle)) })
    }
}

impl HasDisplayHandle for Window {
    fn display_handle(&self) -> Result<DisplayHandle<'_>, HandleError> {
        let connection = std::ptr::NonNull::new(self.connection.get_raw_xcb_connection());
        let handle = XcbDisplayHandle::new(connection, self.screen as i32);
        // SAFETY: the connection lives as long as `self`.
        Ok(unsafe { DisplayHandle::borrow_raw(RawDisplayHandle::Xcb(handle)) })
    }
}

/// What a window showed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Grab {
    pub(crate) size: [u32; 2],
    pub(crate) rgb: Vec<u8>,
}

impl Grab {
    /// For messages: its size, and some of its colours.
    pub(crate) fn summary(&self) -> ([u32; 2], Vec<[u8; 3]>) {
        let mut colors: Vec<[u8; 3]> = Vec::new();
        for pixel in self.rgb.chunks_exact(3) {
            let color = [pixel[0], pixel[1], pixel[2]];
            if !colors.contains(&color) && colors.len() < 8 {
                colors.push(color);
            }
        }
        (self.size, colors)
    }
}
