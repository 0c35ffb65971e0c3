//! Which key does what.

use vulkio::window::winit::keyboard::{Key, KeyCode, NamedKey};

/// What a key asks for once, when it is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Close,
    Pause,
    Path,
    LevelOfDetail,
    More,
    Fewer,
    Freeze,
    Home,
    Picture,
    Overlay,
    Help,
    Vsync,
    Fullscreen,
    Grab,
}

/// A key, as text or by name; what to call it; what it does.
struct Binding(Bound, &'static str, Command, &'static str);

enum Bound {
    Text(&'static [&'static str]),
    Named(&'static [NamedKey]),
}

const BINDINGS: &[Binding] = &[
    Binding(Bound::Text(&["p", " "]), "P, Space", Command::Pause, "pause what moves by itself"),
    Binding(Bound::Text(&["c"]), "C", Command::Home, "the camera's own flight again"),
    Binding(Bound::Named(&[NamedKey::Tab]), "Tab", Command::Path, "compute shaders or the rasteriser"),
    Binding(Bound::Text(&["l"]), "L", Command::LevelOfDetail, "level of detail on or off"),
    Binding(Bound::Text(&["+", "="]), "+", Command::More, "ten times as many cubes"),
    Binding(Bound::Text(&["-", "_"]), "-", Command::Fewer, "a tenth of the cubes"),
    Binding(Bound::Text(&["f"]), "F", Command::Freeze, "only what shows now: look at it from outside"),
    Binding(Bound::Text(&["g"]), "G", Command::Grab, "look around without a button held"),
    Binding(Bound::Text(&["v"]), "V", Command::Vsync, "vsync: on, relaxed, mailbox, off"),
    Binding(Bound::Named(&[NamedKey::F11]), "F11", Command::Fullscreen, "full screen or not"),
    Binding(Bound::Named(&[NamedKey::F12]), "F12", Command::Picture, "save a picture"),
    Binding(Bound::Text(&["o"]), "O", Command::Overlay, "figures on or off"),
    Binding(Bound::Text(&["h"]), "H", Command::Help, "this list on or off"),
    Binding(Bound::Named(&[NamedKey::Escape]), "Esc", Command::Close, "close"),
];

/// What is steered rather than asked for.
const STEERING: [(&str, &str); 5] = [
    ("W A S D", "fly forward, left, back, right"),
    ("Q E", "fly down, up"),
    ("Shift", "fly faster"),
    ("right button", "look around; the wheel sets the speed"),
    ("left button", "which cube is that?"),
];

/// What a key asks for.
pub(crate) fn command(key: &Key) -> Option<Command> {
    let is_bound = |bound: &Bound| match (bound, key) {
        (Bound::Text(texts), Key::Character(text)) => texts.contains(&text.to_lowercase().as_str()),
        // A key by name on some systems, a text on others.
        (Bound::Text(texts), Key::Named(NamedKey::Space)) => texts.contains(&" "),
        (Bound::Named(names), Key::Named(name)) => names.contains(name),
        _ => false,
    };
    BINDINGS.iter().find(|Binding(bound, ..)| is_bound(bound)).map(|Binding(_, _, command, _)| *command)
}

/// The keys and what they do, for people.
pub(crate) fn help() -> impl Iterator<Item = (&'static str, &'static str)> {
    STEERING.into_iter().chain(BINDINGS.iter().map(|Binding(_, key, _, what)| (*key, *what)))
}

/// Which way a key flies, by its place on the keyboard, whatever is printed on it: to the right, up, forward.
pub(crate) fn way(key: KeyCode) -> Option<[f32; 3]> {
    Some(match key {
        KeyCode::KeyW => [0.0, 0.0, 1.0],
        KeyCode::KeyS => [0.0, 0.0, -1.0],
        KeyCode::KeyD => [1.0, 0.0, 0.0],
        KeyCode::KeyA => [-1.0, 0.0, 0.0],
        KeyCode::KeyE => [0.0, 1.0, 0.0],
        KeyCode::KeyQ => [0.0, -1.0, 0.0],
        _ => return None,
    })
}
