//! A camera from a file.

use std::{fs, path::Path};

use serde::Deserialize;
use vulkio::{glam::Vec3, scene::Camera};

use crate::output::Failure;

/// A camera as a file has it: `eye` and `target` in world units, and what has a usual value.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Written {
    eye: [f32; 3],
    target: [f32; 3],
    #[serde(default = "upwards")]
    up: [f32; 3],
    /// The vertical angle of view, in radians.
    #[serde(default = "usual_fov")]
    fov_y: f32,
    #[serde(default = "usual_near")]
    near: f32,
}

fn upwards() -> [f32; 3] {
    [0.0, 1.0, 0.0]
}

fn usual_fov() -> f32 {
    0.9
}

fn usual_near() -> f32 {
    0.1
}

/// The camera that a file describes.
pub(crate) fn read(path: &Path) -> Result<Written, Failure> {
    let fail = |reason: &str| Failure::new(format!("camera `{}`: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| fail(&error.to_string()))?;
    let written: Written = serde_json::from_str(&text).map_err(|error| fail(&error.to_string()))?;
    written.check().map_err(|reason| fail(&reason))?;
    Ok(written)
}

impl Written {
    /// For pictures of `aspect`.
    pub(crate) fn camera(&self, aspect: f32) -> Camera {
        let [eye, target, up] = [self.eye, self.target, self.up].map(Vec3::from_array);
        Camera::perspective(self.fov_y, aspect, self.near).look_at(eye, target, up)
    }

    fn check(&self) -> Result<(), String> {
        for (key, vector) in [("eye", self.eye), ("target", self.target), ("up", self.up)] {
            // Numbers beyond 32 bits are read as infinity.
            if !vector.iter().all(|axis| axis.abs() < 1e15) {
                return Err(format!("`{key}` is {vector:?}; its numbers must be within 1e15"));
            }
        }
        let [eye, target, up] = [self.eye, self.target, self.up].map(Vec3::from_array);
        if eye == target {
            return Err("`target` is `eye`, so it looks nowhere; move one of them".to_owned());
        }
        if (target - eye).normalize_or_zero().cross(up.normalize_or_zero()).length() < 1e-5 {
            return Err("`up` is zero or along the line from `eye` to `target`; give another".to_owned());
        }
        if !(1e-3..=3.1).contains(&self.fov_y) {
            return Err(format!("`fov_y` is {}; it is an angle in radians, from 0.001 to 3.1", self.fov_y));
        }
        if !(1e-6..=1e6).contains(&self.near) {
            return Err(format!("`near` is {}; it must be from 1e-6 to 1e6", self.near));
        }
        Ok(())
    }
}
