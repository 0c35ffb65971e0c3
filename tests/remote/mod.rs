//! A window of another program, or of winit, as a user has it: resized, minimised, typed into, closed.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::time::{Duration, Instant};

use x11rb::{
    connection::Connection,
    protocol::{
        xproto::{
            Atom, AtomEnum, BUTTON_PRESS_EVENT, BUTTON_RELEASE_EVENT, ClientMessageEvent, ConfigureWindowAux,
            ConnectionExt, EventMask, GetGeometryReply, ImageFormat, KEY_PRESS_EVENT, KEY_RELEASE_EVENT,
            MOTION_NOTIFY_EVENT, MapState, Window as Id,
        },
        xtest::ConnectionExt as _,
    },
    rust_connection::RustConnection,
    wrapper::ConnectionExt as _,
};

use crate::display::Grab;

/// How long anything may take on a machine that has much to do.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(5);

/// A window by its title.
pub(crate) struct Remote {
    connection: RustConnection,
    root: Id,
    window: Id,
}

impl Remote {
    /// Waits, blocking, until a window with this title is to be seen.
    #[track_caller]
    pub(crate) fn find(display: &str, title: &str) -> Self {
        let (connection, screen) = RustConnection::connect(Some(display)).expect("the server takes a client");
        let root = connection.setup().roots[screen].root;
        let limit = Instant::now() + LIMIT;
        loop {
            if let Some(window) = titled(&connection, root, title) {
                return Self { connection, root, window };
            }
            assert!(Instant::now() < limit, "no window `{title}` is opened");
            std::thread::sleep(PAUSE);
        }
    }

    /// Asks it to close, as the button in its frame does.
    pub(crate) fn close(&self) {
        let data = [self.atom("WM_DELETE_WINDOW"), 0, 0, 0, 0];
        let message = ClientMessageEvent::new(32, self.window, self.atom("WM_PROTOCOLS"), data);
        self.connection.send_event(false, self.window, EventMask::NO_EVENT, message).expect("asked");
        self.connection.sync().expect("done");
    }

    /// Asks the window manager for something.
    fn ask(&self, message: &str, data: [u32; 5]) {
        let message = ClientMessageEvent::new(32, self.window, self.atom(message), data);
        let mask = EventMask::SUBSTRUCTURE_REDIRECT | EventMask::SUBSTRUCTURE_NOTIFY;
        self.connection.send_event(false, self.root, mask, message).expect("asked");
        self.connection.sync().expect("done");
    }

    /// Minimises it; back with [`restore`](Self::restore).
    pub(crate) fn minimise(&self) {
        const ICONIC: u32 = 3;
        self.ask("WM_CHANGE_STATE", [ICONIC, 0, 0, 0, 0]);
        self.wait("is minimised", || self.map_state() != MapState::VIEWABLE);
    }

    pub(crate) fn restore(&self) {
        self.connection.map_window(self.window).expect("asked");
        self.wait("is back", || self.map_state() == MapState::VIEWABLE);
    }

    fn map_state(&self) -> MapState {
        let look = self.connection.get_window_attributes(self.window).expect("asked");
        look.reply().expect("a window").map_state
    }

    /// Covers the screen with it, or no more.
    pub(crate) fn cover_screen(&self, cover: bool) {
        self.ask("_NET_WM_STATE", [cover.into(), self.atom("_NET_WM_STATE_FULLSCREEN"), 0, 1, 0]);
    }

    pub(crate) fn resize(&self, size: [u32; 2]) {
        let [width, height] = size;
        let asked = ConfigureWindowAux::new().width(width).height(height);
        self.connection.configure_window(self.window, &asked).expect("asked");
        self.connection.sync().expect("done");
    }

    fn geometry(&self) -> GetGeometryReply {
        self.connection.get_geometry(self.window).expect("asked").reply().expect("a window")
    }

    pub(crate) fn size(&self) -> [u32; 2] {
        let geometry = self.geometry();
        [geometry.width.into(), geometry.height.into()]
    }

    #[track_caller]
    pub(crate) fn wait_for_size(&self, size: [u32; 2]) {
        self.wait(&format!("is of {size:?}"), || self.size() == size);
    }

    /// Presses and releases a key, by its keysym.
    pub(crate) fn press(&self, keysym: u32) {
        self.focus();
        let setup = self.connection.setup();
        let (first, count) = (setup.min_keycode, setup.max_keycode - setup.min_keycode + 1);
        let mapping = self.connection.get_keyboard_mapping(first, count).expect("asked").reply().expect("a keyboard");
        let each = usize::from(mapping.keysyms_per_keycode);
        let at =
            mapping.keysyms.chunks(each).position(|keysyms| keysyms[0] == keysym || keysyms.get(1) == Some(&keysym));
        let code = first + u8::try_from(at.expect("a key of the keyboard")).expect("a code");
        for event in [KEY_PRESS_EVENT, KEY_RELEASE_EVENT] {
            self.connection.xtest_fake_input(event, code, 0, self.root, 0, 0, 0).expect("asked");
            self.connection.sync().expect("done");
        }
    }

    /// Moves the pointer over a place of the window, and clicks there.
    pub(crate) fn click(&self, [x, y]: [i16; 2]) {
        const LEFT: u8 = 1;
        let at = self.connection.translate_coordinates(self.window, self.root, x, y).expect("asked");
        let at = at.reply().expect("a place");
        let fake = |event, detail, x, y| {
            self.connection.xtest_fake_input(event, detail, 0, self.root, x, y, 0).expect("asked");
            self.connection.sync().expect("done");
        };
        fake(MOTION_NOTIFY_EVENT, 0, at.dst_x, at.dst_y);
        fake(BUTTON_PRESS_EVENT, LEFT, 0, 0);
        fake(BUTTON_RELEASE_EVENT, LEFT, 0, 0);
    }

    fn focus(&self) {
        let revert = x11rb::protocol::xproto::InputFocus::PARENT;
        self.connection.set_input_focus(revert, self.window, x11rb::CURRENT_TIME).expect("asked");
        self.connection.sync().expect("done");
    }

    /// What it shows now.
    #[track_caller]
    pub(crate) fn grab(&self) -> Grab {
        self.try_grab().expect("all of the window is on the screen")
    }

    /// What it shows now; `None` while not all of it is on the screen, as on its way there.
    fn try_grab(&self) -> Option<Grab> {
        let geometry = self.geometry();
        let (width, height) = (geometry.width, geometry.height);
        let image = self.connection.get_image(ImageFormat::Z_PIXMAP, self.window, 0, 0, width, height, u32::MAX);
        let image = image.expect("asked").reply().ok()?;
        let rgb = image.data.chunks_exact(4).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Some(Grab { size: [width.into(), height.into()], rgb })
    }

    /// Waits, blocking, until it shows what is asked for.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_it: impl Fn(&Grab) -> bool) -> Grab {
        let mut shown = None;
        self.wait(what, || {
            shown = self.try_grab().filter(&is_it);
            shown.is_some()
        });
        shown.expect("it was waited for")
    }

    #[track_caller]
    fn wait(&self, what: &str, mut is_it: impl FnMut() -> bool) {
        let limit = Instant::now() + LIMIT;
        while !is_it() {
            assert!(Instant::now() < limit, "it never {what}; it shows {:?}", self.size());
            std::thread::sleep(PAUSE);
        }
    }

    fn atom(&self, name: &str) -> Atom {
        atom(&self.connection, name)
    }
}

fn atom(connection: &RustConnection, name: &str) -> Atom {
    connection.intern_atom(false, name.as_bytes()).expect("asked").reply().expect("an atom").atom
}

/// The window below `under` that has a title: below that of a window manager, if there is one.
fn titled(connection: &RustConnection, under: Id, title: &str) -> Option<Id> {
    // Windows come and go meanwhile.
    let tree = connection.query_tree(under).ok()?.reply().ok()?;
    tree.children.into_iter().find_map(|window| {
        let name = connection.get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256).ok()?.reply();
        let is_it = name.is_ok_and(|name| name.value == title.as_bytes());
        let seen = || {
            let look = connection.get_window_attributes(window).ok()?.reply().ok()?;
            (look.map_state == MapState::VIEWABLE).then_some(window)
        };
        if is_it { seen() } else { None }.or_else(|| titled(connection, window, title))
    })
}

/// Keysyms of keys without a letter; of letters it is their character.
pub(crate) mod key {
    pub(crate) const ESCAPE: u32 = 0xff1b;
    pub(crate) const TAB: u32 = 0xff09;
    pub(crate) const F11: u32 = 0xffc8;
    pub(crate) const F12: u32 = 0xffc9;
}

/// Waits until a window manager says that it is there.
#[track_caller]
pub(crate) fn wait_for_manager(display: &str) {
    let (connection, screen) = RustConnection::connect(Some(display)).expect("the server takes a client");
    let root = connection.setup().roots[screen].root;
    let says = atom(&connection, "_NET_SUPPORTING_WM_CHECK");
    let limit = Instant::now() + LIMIT;
    loop {
        let said = connection.get_property(false, root, says, AtomEnum::ANY, 0, 1).expect("asked").reply();
        if said.is_ok_and(|said| said.value_len > 0) {
            return;
        }
        assert!(Instant::now() < limit, "no window manager");
        std::thread::sleep(PAUSE);
    }
}
