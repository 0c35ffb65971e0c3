//! A bounding volume hierarchy over cubes, in double precision: halves at the median of the longest axis.

use vulkio::glam::DVec3;

use super::Cube;

const LEAF: usize = 4;

struct Node {
    min: DVec3,
    max: DVec3,
    /// A leaf's first place in `order`, or an inner node's second child; its first child follows it.
    next: usize,
    /// Of a leaf; 0 of an inner node.
    count: usize,
}

/// Half-line from the origin of the boxes' coordinates.
pub(super) struct Ray {
    pub(super) origin: DVec3,
    inverse: DVec3,
}

impl Ray {
    pub(super) fn new(origin: DVec3, direction: DVec3) -> Self {
        // A component of 0 is made so small that it crosses no box, with 0 · (1 / it) still 0 and not NaN.
        let nonzero = |d: f64| if d.abs() < 1e-100 { 1e-100 } else { d };
        let inverse = DVec3::from_array(direction.to_array().map(|d| 1.0 / nonzero(d)));
        Self { origin, inverse }
    }

    /// Where it enters and leaves a box, or rather its line does; it misses the box if it leaves before it enters.
    pub(super) fn span(&self, min: DVec3, max: DVec3) -> (f64, f64) {
        let (a, b) = ((min - self.origin) * self.inverse, (max - self.origin) * self.inverse);
        (a.min(b).max_element(), a.max(b).min_element())
    }
}

pub(super) struct Tree {
    nodes: Vec<Node>,
    order: Vec<u32>,
}

impl Tree {
    pub(super) fn new(cubes: &[Cube]) -> Self {
        let mut tree = Self { nodes: Vec::new(), order: (0..cubes.len() as u32).collect() };
        tree.build(cubes, 0, cubes.len());
        tree
    }

    fn build(&mut self, cubes: &[Cube], first: usize, count: usize) {
        let (mut min, mut max) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
        let (mut low, mut high) = (min, max);
        for &i in &self.order[first..first + count] {
            let cube = &cubes[i as usize];
            (min, max) = (min.min(cube.min()), max.max(cube.max()));
            (low, high) = (low.min(cube.center), high.max(cube.center));
        }
        let here = self.nodes.len();
        self.nodes.push(Node { min, max, next: first, count });
        if count <= LEAF {
            return;
        }
        let spread = (high - low).to_array();
        let axis = (0..3).max_by(|&a, &b| spread[a].total_cmp(&spread[b])).unwrap_or(0);
        let half = count / 2;
        let part = &mut self.order[first..first + count];
        let along = |i: &u32| cubes[*i as usize].center[axis];
        part.select_nth_unstable_by(half, |a, b| along(a).total_cmp(&along(b)));
        self.build(cubes, first, half);
        self.nodes[here].next = self.nodes.len();
        self.nodes[here].count = 0;
        self.build(cubes, first + half, count - half);
    }

    /// Calls `meet` with the cubes of all leaves that the ray passes between `near` and the last answer of `meet`.
    pub(super) fn walk(&self, ray: &Ray, near: f64, mut meet: impl FnMut(u32) -> f64) {
        let (mut stack, mut far) = (vec![0], f64::INFINITY);
        while let Some(at) = stack.pop() {
            let node: &Node = &self.nodes[at];
            let (enter, leave) = ray.span(node.min, node.max);
            if enter > leave || leave < near || enter > far {
                continue;
            }
            if node.count == 0 {
                // The nearer one is looked at first.
                let middle = |n: usize| ray.span(self.nodes[n].min, self.nodes[n].max).0;
                let mut children = [at + 1, node.next];
                if middle(children[0]) < middle(children[1]) {
                    children.swap(0, 1);
                }
                stack.extend(children);
            } else {
                self.order[node.next..node.next + node.count].iter().for_each(|&id| far = meet(id));
            }
        }
    }
}
