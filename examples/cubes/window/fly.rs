//! The camera that flies: where it is, which way it looks, how fast it goes.

use std::{f32::consts::FRAC_PI_2, time::Duration};

use vulkio::{
    glam::Vec3,
    scene::{Bounds, Camera},
};

/// How far it turns for each unit that the mouse moves, in radians.
const TURN: f32 = 0.003;
/// It never looks straight up or down, where left and right are the same.
const STEEPEST: f32 = FRAC_PI_2 - 0.02;
/// How much faster it goes for each step of the wheel.
const STEP: f32 = 1.2;
/// And with Shift.
const FAST: f32 = 6.0;
/// Seconds through the largest half extent of a scene at the speed that it begins with.
const CROSSING: f32 = 4.0;
/// A frame that took longer moves no further, in seconds.
const LONGEST: f32 = 0.1;

/// Which way to go: to the right, up and forward, each from −1 to 1.
pub(crate) type Wish = Vec3;

/// A camera that is steered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fly {
    eye: Vec3,
    /// Around the vertical, 0 along −Z, and up from the horizon, in radians.
    yaw: f32,
    pitch: f32,
    fov_y: f32,
    near: f32,
    /// In world units a second.
    speed: f32,
}

impl Fly {
    /// From where `camera` is, in a scene of some size. A camera that is tilted is put upright.
    pub(crate) fn from(camera: &Camera, bounds: Bounds) -> Self {
        let forward = camera.basis()[2].as_vec3();
        Self {
            eye: camera.eye(),
            yaw: (-forward.x).atan2(-forward.z),
            pitch: forward.y.clamp(-1.0, 1.0).asin().clamp(-STEEPEST, STEEPEST),
            fov_y: camera.fov_y(),
            near: camera.near(),
            speed: bounds.half_extent().max_element().max(1.0) / CROSSING,
        }
    }

    /// Turns as the mouse moved: to the right, and down.
    pub(crate) fn look(&mut self, [right, down]: [f64; 2]) {
        self.yaw -= right as f32 * TURN;
        self.pitch = (self.pitch - down as f32 * TURN).clamp(-STEEPEST, STEEPEST);
    }

    /// Faster by so many steps of the wheel, or slower.
    pub(crate) fn faster(&mut self, steps: f32) {
        self.speed = (self.speed * STEP.powf(steps.clamp(-20.0, 20.0))).clamp(1e-3, 1e6);
    }

    pub(crate) fn speed(&self) -> f32 {
        self.speed
    }

    /// Goes on for a time.
    pub(crate) fn advance(&mut self, wish: Wish, fast: bool, time: Duration) {
        let speed = if fast { self.speed * FAST } else { self.speed };
        let [right, forward] = [self.right(), self.forward()];
        // Two keys at once are not faster than one.
        let way = (right * wish.x + Vec3::Y * wish.y + forward * wish.z).clamp_length_max(1.0);
        self.eye += way * (speed * time.as_secs_f32().min(LONGEST));
    }

    /// What it sees, in a picture of the given aspect.
    pub(crate) fn camera(&self, aspect: f32) -> Camera {
        Camera::perspective(self.fov_y, aspect, self.near).look_at(self.eye, self.eye + self.forward(), Vec3::Y)
    }

    fn forward(&self) -> Vec3 {
        let [(yaw_sin, yaw_cos), (pitch_sin, pitch_cos)] = [self.yaw.sin_cos(), self.pitch.sin_cos()];
        Vec3::new(-yaw_sin * pitch_cos, pitch_sin, -yaw_cos * pitch_cos)
    }

    fn right(&self) -> Vec3 {
        let (sin, cos) = self.yaw.sin_cos();
        Vec3::new(cos, 0.0, -sin)
    }
}
