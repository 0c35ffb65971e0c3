//! The points of a cloud, 16 bytes each.

use glam::{DVec3, Vec3};

use crate::scene::colors::{gradient, rgb};

/// Points in a piece. Pieces are never moved, so that a growing cloud is never in memory twice.
const PIECE: usize = 1 << 14;
/// Coordinates that begin beyond this lose digits in 32 bits.
const FAR: f64 = 65_536.0;
/// The furthest coordinate: distances can still be squared.
const FURTHEST: f64 = 1e12;
/// Indices are 32 bits.
const MOST: usize = u32::MAX as usize - 1;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) position: Vec3,
    color: [u8; 4],
}

/// A point's colour as its file has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Shade {
    /// In 0..=1.
    Unit([f32; 3]),
    /// In 0..=1 or in 0..=255: that is known when one is above 1, or at the end.
    Number([f32; 3]),
}

#[derive(Debug)]
pub(super) struct Points {
    pieces: Vec<Vec<Point>>,
    origin: Option<DVec3>,
    min: Vec3,
    max: Vec3,
    colored: bool,
    /// Whether numbers go to 255.
    bytes: bool,
}

impl Points {
    /// An empty cloud, whose points have colours or not.
    pub(super) fn new(colored: bool) -> Self {
        Self { pieces: Vec::new(), origin: None, min: Vec3::INFINITY, max: Vec3::NEG_INFINITY, colored, bytes: false }
    }

    pub(super) fn len(&self) -> usize {
        self.pieces.last().map_or(0, |last| (self.pieces.len() - 1) * PIECE + last.len())
    }

    pub(super) fn origin(&self) -> DVec3 {
        self.origin.unwrap_or(DVec3::ZERO)
    }

    /// The corners of the box around all centres.
    pub(super) fn extent(&self) -> (Vec3, Vec3) {
        (self.min, self.max)
    }

    pub(super) fn pieces(&self) -> &[Vec<Point>] {
        &self.pieces
    }

    /// Adds a point, or says why it cannot be one.
    pub(super) fn push(&mut self, place: DVec3, shade: Option<Shade>) -> Result<(), String> {
        if !place.is_finite() {
            return Err(format!("the point {place} is nowhere; remove it, or write its coordinates as numbers"));
        }
        let far = |axis: f64| if axis.abs() >= FAR { axis.round() } else { 0.0 };
        let origin = *self.origin.get_or_insert(DVec3::from_array(place.to_array().map(far)));
        let off = place - origin;
        if off.abs().max_element() > FURTHEST {
            let reason = "is further than 1e12 from the first; remove it, or scale the coordinates";
            return Err(format!("the point {place} {reason}"));
        }
        if self.len() >= MOST {
            return Err(format!("there are more than {MOST} points; split the file"));
        }
        let color = shade.map_or([0; 3], |shade| self.color(shade));
        let position = off.as_vec3();
        (self.min, self.max) = (self.min.min(position), self.max.max(position));
        if self.pieces.last().is_none_or(|last| last.len() == PIECE) {
            // The first grows from nothing: small files take little.
            let room = if self.pieces.is_empty() { 0 } else { PIECE };
            self.pieces.push(Vec::with_capacity(room));
        }
        if let Some(last) = self.pieces.last_mut() {
            last.push(Point { position, color: [color[0], color[1], color[2], u8::MAX] });
        }
        Ok(())
    }

    fn color(&mut self, shade: Shade) -> [u8; 3] {
        // `as` saturates, and makes a NaN 0.
        let byte = |channel: f32| (channel + 0.5) as u8;
        let unit = |channel: f32| byte(channel * 255.0);
        match shade {
            Shade::Unit(channels) => channels.map(unit),
            Shade::Number(channels) => {
                if !self.bytes && channels.iter().any(|&channel| channel > 1.0) {
                    self.bytes = true;
                    self.rescale();
                }
                if self.bytes { channels.map(byte) } else { channels.map(unit) }
            }
        }
    }

    /// Colours so far were taken to go to 1, and go to 255.
    fn rescale(&mut self) {
        for point in self.pieces.iter_mut().flatten() {
            let [r, g, b, a] = point.color;
            let [r, g, b] = [r, g, b].map(|channel| (f32::from(channel) / 255.0 + 0.5) as u8);
            point.color = [r, g, b, a];
        }
    }

    /// Where a cube is, and its colour.
    pub(super) fn at(&self, index: usize) -> (Vec3, u32) {
        let point = self.pieces[index / PIECE][index % PIECE];
        let color = if self.colored { point.color } else { self.by_height(point.position.y) };
        (point.position, u32::from_le_bytes(color))
    }

    fn by_height(&self, y: f32) -> [u8; 4] {
        const STOPS: [Vec3; 5] = [rgb(0x2c3e7b), rgb(0x2a8f9d), rgb(0x7dbb5b), rgb(0xf0c05a), rgb(0xe4572e)];
        let height = (y - self.min.y) / (self.max.y - self.min.y).max(f32::MIN_POSITIVE);
        let [r, g, b] = (gradient(&STOPS, height) * 255.0 + 0.5).to_array().map(|channel| channel as u8);
        [r, g, b, u8::MAX]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_sixteen_bytes() {
        assert_eq!(size_of::<Point>(), 16);
    }

    #[test]
    fn coordinates_that_begin_far_off_are_counted_from_there() {
        let mut points = Points::new(false);
        let far = DVec3::new(3_512_345.25, -812.5, 5_400_000.125);
        points.push(far, None).expect("a point");
        points.push(far + DVec3::splat(0.0625), None).expect("a point");
        assert_eq!(points.origin(), DVec3::new(3_512_345.0, 0.0, 5_400_000.0));
        assert_eq!(points.at(1).0, Vec3::new(0.3125, -812.4375, 0.1875));
    }

    #[test]
    fn no_point_is_nowhere() {
        let mut points = Points::new(false);
        for place in [DVec3::NAN, DVec3::new(0.0, f64::INFINITY, 0.0)] {
            assert!(points.push(place, None).expect_err("refused").contains("nowhere"));
        }
        points.push(DVec3::ZERO, None).expect("a point");
        assert!(points.push(DVec3::X * 1e13, None).expect_err("refused").contains("scale"));
        assert_eq!(points.len(), 1);
    }

    #[test]
    fn colours_go_to_255_as_soon_as_one_is_above_1() {
        let colors = |channels: &[[f32; 3]]| {
            let mut points = Points::new(true);
            channels.iter().for_each(|&rgb| points.push(DVec3::ZERO, Some(Shade::Number(rgb))).expect("a point"));
            (0..points.len()).map(|index| points.at(index).1).collect::<Vec<_>>()
        };
        assert_eq!(colors(&[[1.0, 0.0, 0.5]]), [0xff80_00ff]);
        assert_eq!(colors(&[[1.0, 0.0, 1.0], [2.0, 255.0, 0.0]]), [0xff01_0001, 0xff00_ff02]);
        assert_eq!(colors(&[[300.0, -4.0, f32::NAN]]), [0xff00_00ff]);
    }

    #[test]
    fn pieces_keep_the_order() {
        let mut points = Points::new(false);
        for i in 0..PIECE * 2 + 5 {
            points.push(DVec3::X * i as f64, None).expect("a point");
        }
        assert_eq!(points.len(), PIECE * 2 + 5);
        for i in [0, PIECE - 1, PIECE, 2 * PIECE + 4] {
            assert_eq!(points.at(i).0.x, i as f32);
        }
    }
}
