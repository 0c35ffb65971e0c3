//! From events to what is asked of the scene.

use std::collections::HashSet;

use vulkio::{
    glam::Vec3,
    window::{
        Event,
        winit::{
            event::{ElementState, KeyEvent, MouseButton, MouseScrollDelta, WindowEvent},
            keyboard::{KeyCode, PhysicalKey},
        },
    },
};

use super::keys::{self, Command};

/// Pixels that count as a step of the wheel, on devices that scroll by pixels.
const PIXELS_A_STEP: f64 = 40.0;

/// What is held, and what was asked for since it was last taken.
#[derive(Default)]
pub(crate) struct Input {
    held: HashSet<KeyCode>,
    /// Those that were pressed since the last time, held or not.
    tapped: HashSet<KeyCode>,
    fast: bool,
    looks: bool,
    pointer: [f64; 2],
    asked: Asked,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) commands: Vec<Command>,
    /// Which way to fly: to the right, up, forward.
    pub(crate) wish: Vec3,
    pub(crate) fast: bool,
    /// Whether it is asked for just now: then it is gone a step at least, however short the frame.
    pub(crate) tapped: bool,
    /// How far the mouse turned the camera.
    pub(crate) look: [f64; 2],
    /// Steps of the wheel.
    pub(crate) wheel: f32,
    /// Where was clicked, in pixels of the window.
    pub(crate) clicks: Vec<[f64; 2]>,
    /// Whether looking around began or ended.
    pub(crate) grab: Option<bool>,
    /// Whether something happened that the next picture shows.
    pub(crate) draw: bool,
}

impl Input {
    /// Notes an event.
    pub(crate) fn note(&mut self, event: &Event) {
        match event {
            Event::Window { event, .. } => self.window(event),
            Event::MouseMotion { delta: [x, y] } if self.looks => {
                self.asked.look = [self.asked.look[0] + x, self.asked.look[1] + y];
                self.asked.draw = true;
            }
            _ => {}
        }
    }

    /// What was asked for since the last time.
    pub(crate) fn take(&mut self) -> Asked {
        let tapped = std::mem::take(&mut self.tapped);
        let ways = self.held.union(&tapped).filter_map(|key| keys::way(*key)).map(Vec3::from_array);
        Asked { wish: ways.sum(), fast: self.fast, tapped: !tapped.is_empty(), ..std::mem::take(&mut self.asked) }
    }

    /// Whether the next picture would show something that was asked for.
    pub(crate) fn asks(&self) -> bool {
        self.asked.draw
    }

    /// Whether a key is held that flies.
    pub(crate) fn flies(&self) -> bool {
        self.held.iter().any(|key| keys::way(*key).is_some())
    }

    /// Looks around from now on without a button held, or no more.
    pub(crate) fn toggle_grab(&mut self) {
        self.looks_around(!self.looks);
    }

    fn looks_around(&mut self, looks: bool) {
        if self.looks != looks {
            self.looks = looks;
            self.asked.grab = Some(looks);
        }
    }

    fn window(&mut self, event: &WindowEvent) {
        match event {
            WindowEvent::KeyboardInput { event, is_synthetic: false, .. } => self.key(event),
            WindowEvent::ModifiersChanged(modifiers) => self.fast = modifiers.state().shift_key(),
            WindowEvent::Focused(false) => {
                // What is let go elsewhere is not told here.
                self.held.clear();
                self.fast = false;
                self.looks_around(false);
            }
            WindowEvent::MouseInput { state: ElementState::Released, button: MouseButton::Right, .. } => {
                self.looks_around(false);
            }
            WindowEvent::CursorMoved { position, .. } => self.pointer = [position.x, position.y],
            WindowEvent::Resized(_) | WindowEvent::RedrawRequested => self.asked.draw = true,
            WindowEvent::MouseInput { state: ElementState::Pressed, button, .. } => self.button(*button),
            WindowEvent::MouseWheel { delta, .. } => {
                self.asked.wheel += match delta {
                    MouseScrollDelta::LineDelta(_, lines) => *lines,
                    MouseScrollDelta::PixelDelta(pixels) => (pixels.y / PIXELS_A_STEP) as f32,
                };
                self.asked.draw = true;
            }
            _ => {}
        }
    }

    fn key(&mut self, event: &KeyEvent) {
        let PhysicalKey::Code(code) = event.physical_key else { return };
        match event.state {
            ElementState::Released => {
                self.held.remove(&code);
            }
            ElementState::Pressed => {
                if keys::way(code).is_some() {
                    self.held.insert(code);
                    self.tapped.insert(code);
                } else if let Some(command) = keys::command(&event.logical_key)
                    && !event.repeat
                {
                    self.asked.commands.push(command);
                }
            }
        }
        self.asked.draw = true;
    }

    fn button(&mut self, button: MouseButton) {
        match button {
            MouseButton::Left => self.asked.clicks.push(self.pointer),
            MouseButton::Right => self.looks_around(true),
            _ => return,
        }
        self.asked.draw = true;
    }
}
