//! Whether a cube meets the frustum, exactly, in double precision.

use vulkio::glam::DVec3;

use super::{Cube, Lens};

/// An infinite frustum: the convex hull of its four near corners and of the rays that leave them.
pub(crate) struct Frustum {
    eye: DVec3,
    /// Inward unit normals, and the least that points inside have along them, relative to the eye.
    planes: [(DVec3, f64); 5],
    /// Relative to the eye.
    near_corners: [DVec3; 4],
    rays: [DVec3; 4],
    /// The directions of its edges.
    edges: [DVec3; 6],
}

impl Frustum {
    pub(crate) fn new(lens: &Lens) -> Self {
        let Lens { right, up, forward, half, near, .. } = *lens;
        let corners = [(-half.x, -half.y), (half.x, -half.y), (half.x, half.y), (-half.x, half.y)];
        let rays = corners.map(|(x, y)| forward + right * x + up * y);
        let side = |a: usize, b: usize| {
            let normal = rays[a].cross(rays[b]).normalize();
            (normal * normal.dot(forward).signum(), 0.0)
        };
        Self {
            eye: lens.eye,
            planes: [side(0, 1), side(1, 2), side(2, 3), side(3, 0), (forward, near)],
            near_corners: rays.map(|ray| ray * near),
            rays,
            edges: [right, up, rays[0], rays[1], rays[2], rays[3]],
        }
    }

    /// Whether a box meets the frustum: exactly when no axis separates them, among the normals of both and the cross
    /// products of their edges.
    pub(crate) fn meets(&self, cube: &Cube) -> bool {
        let (center, half) = (cube.center - self.eye, cube.half);
        let reach = |axis: DVec3| axis.abs().element_sum() * half;
        let outside = |&(normal, least): &(DVec3, f64)| normal.dot(center) + reach(normal) < least;
        if self.planes.iter().any(outside) {
            return false;
        }
        let separates = |axis: DVec3| {
            let (low, high) = self.interval(axis);
            axis.dot(center) + reach(axis) < low || axis.dot(center) - reach(axis) > high
        };
        let crossed = self.edges.iter().flat_map(|&edge| DVec3::AXES.map(|axis| edge.cross(axis)));
        // The cross product of parallel edges is no axis.
        !DVec3::AXES.into_iter().chain(crossed.filter(|axis| axis.length_squared() > 1e-20)).any(separates)
    }

    /// Where the frustum lies along an axis.
    fn interval(&self, axis: DVec3) -> (f64, f64) {
        let corners = self.near_corners.map(|corner| axis.dot(corner));
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for corner in corners {
            (low, high) = (low.min(corner), high.max(corner));
        }
        for ray in self.rays {
            // A ray across the axis adds nothing; what a product of f64s makes of 0 is below this.
            let along = axis.dot(ray);
            if along > 1e-12 {
                high = f64::INFINITY;
            } else if along < -1e-12 {
                low = f64::NEG_INFINITY;
            }
        }
        (low, high)
    }
}
