//! Where the camera is: on its own flight, where a file says, or where it was steered to.

use std::time::Duration;

use vulkio::scene::{Bounds, Camera, Flight};

use super::fly::Fly;
use crate::camera::Written;

/// What a flight once around takes.
const LAP: Duration = Duration::from_secs(40);

/// Where the camera is.
#[derive(Clone)]
pub(crate) enum Pose {
    /// Where a file says.
    Still(Written),
    /// Once around, and again.
    Flight { flight: Flight, time: Duration },
    /// Where it was steered to.
    Steered(Fly),
}

impl Pose {
    /// A flight around a scene.
    pub(crate) fn around(bounds: Bounds, seed: u64) -> Self {
        Self::Flight { flight: Flight::around(bounds, seed), time: Duration::ZERO }
    }

    /// What is seen, in a picture of the given aspect.
    pub(crate) fn camera(&self, aspect: f32) -> Camera {
        match self {
            Self::Still(written) => written.camera(aspect),
            Self::Flight { flight, time } => flight.camera(time.as_secs_f32() / LAP.as_secs_f32(), aspect),
            Self::Steered(fly) => fly.camera(aspect),
        }
    }

    /// Takes the camera over, from where it is.
    pub(crate) fn steer(&mut self, bounds: Bounds) -> &mut Fly {
        if !matches!(self, Self::Steered(_)) {
            *self = Self::Steered(Fly::from(&self.camera(1.0), bounds));
        }
        match self {
            Self::Steered(fly) => fly,
            Self::Still(_) | Self::Flight { .. } => unreachable!("it was steered just now"),
        }
    }

    /// Whether it moves by itself.
    pub(crate) fn flies(&self) -> bool {
        matches!(self, Self::Flight { .. })
    }

    /// How fast it is steered, in world units a second.
    pub(crate) fn speed(&self) -> Option<f32> {
        match self {
            Self::Steered(fly) => Some(fly.speed()),
            Self::Still(_) | Self::Flight { .. } => None,
        }
    }

    /// Lets a time pass.
    pub(crate) fn advance(&mut self, by: Duration) {
        if let Self::Flight { time, .. } = self {
            // Within the lap: seconds as `f32` stay exact.
            *time = Duration::from_nanos(((*time + by).as_nanos() % LAP.as_nanos()) as u64);
        }
    }
}
