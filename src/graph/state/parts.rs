//! A resource cut into regions with different pasts.

use super::past::Past;
use crate::graph::ir::Region;

/// A region that has one past.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) region: Region,
    pub(super) past: Past,
}

/// A partition of a whole resource: never empty. The usual single part is held inline, so that it costs no allocation.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    first: Part,
    rest: Vec<Part>,
}

impl Parts {
    pub(super) fn new(whole: Region) -> Self {
        Self { first: Part { region: whole, past: Past::default() }, rest: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        1 + self.rest.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        std::iter::once(&mut self.first).chain(&mut self.rest)
    }

    /// The parts that `region` meets, with what it meets of each.
    pub(super) fn meeting(&self, region: Region) -> impl Iterator<Item = (Region, &Past)> {
        self.iter().filter_map(move |part| Some((part.region.intersection(&region)?, &part.past)))
    }

    /// Gives all of `region` one past.
    pub(super) fn replace(&mut self, region: Region, past: Past) {
        if self.is_one_within(&region) {
            self.first.past = past;
            return;
        }
        self.cut(&region);
        let inside = |part: &Part| region.contains(&part.region);
        // The first of them takes the place of all.
        let Some(at) = self.iter().position(inside) else { return };
        *self.at(at) = Part { region, past };
        for index in (at + 1..self.len()).rev() {
            if region.contains(&self.at(index).region) {
                self.rest.swap_remove(index - 1);
            }
        }
        self.coalesce(&region);
    }

    /// Changes the past of all that is in `region`.
    pub(super) fn update(&mut self, region: Region, mut change: impl FnMut(&Region, &mut Past)) {
        if self.is_one_within(&region) {
            change(&self.first.region, &mut self.first.past);
            return;
        }
        self.cut(&region);
        for part in self.iter_mut().filter(|part| region.contains(&part.region)) {
            change(&part.region, &mut part.past);
        }
        self.coalesce(&region);
    }

    /// Brings the number of parts of a buffer below `most`, if that can be: pairs of neighbours get a past that is careful for
    /// both. What is hidden is not joined with what is not; what was never written, only where there are many such borders.
    pub(super) fn thin_out(&mut self, most: usize) {
        self.join_pairs(|a, b| a.hidden == b.hidden && a.written == b.written);
        if self.len() > most {
            self.join_pairs(|a, b| a.hidden == b.hidden);
        }
    }

    /// Joins pairs of neighbours that are `alike`.
    fn join_pairs(&mut self, alike: impl Fn(&Past, &Past) -> bool) {
        let mut all = std::mem::take(&mut self.rest);
        all.push(self.first.clone());
        all.sort_unstable_by_key(|part| part.region.x[0]);
        let mut parts = all.into_iter().peekable();
        let mut joined = Vec::new();
        while let Some(part) = parts.next() {
            let partner = parts.next_if(|next| next.region.x[0] == part.region.x[1] && alike(&part.past, &next.past));
            joined.push(partner.iter().fold(part, merged));
        }
        let mut joined = joined.into_iter();
        self.first = joined.next().unwrap_or_else(|| self.first.clone());
        self.rest = joined.collect();
    }

    fn is_one_within(&self, region: &Region) -> bool {
        self.rest.is_empty() && region.contains(&self.first.region)
    }

    fn at(&mut self, index: usize) -> &mut Part {
        match index.checked_sub(1) {
            None => &mut self.first,
            Some(index) => &mut self.rest[index],
        }
    }

    /// Cuts parts so that each is inside `region` or outside.
    fn cut(&mut self, region: &Region) {
        for index in 0..self.len() {
            let part = self.at(index);
            let Some(inside) = part.region.intersection(region) else { continue };
            let (outer, past) = (std::mem::replace(&mut part.region, inside), part.past);
            let pieces = outer.around(&inside);
            self.rest.extend(pieces.into_iter().flatten().map(|region| Part { region, past }));
        }
    }

    /// Joins what `region` meets with neighbours of an equal past.
    fn coalesce(&mut self, region: &Region) {
        let mut index = 0;
        while index < self.len() {
            let meets = self.at(index).region.intersection(region).is_some();
            index = meets.then(|| self.join_one(index)).flatten().unwrap_or(index + 1);
        }
    }

    /// Joins a part with one equal neighbour, and tells where the two are now.
    fn join_one(&mut self, index: usize) -> Option<usize> {
        let part = self.at(index).clone();
        let neighbour = |other: &Part| join(&other.region, &part.region).filter(|_| other.past == part.past);
        let (other, region) = self.iter().enumerate().find_map(|(at, other)| Some((at, neighbour(other)?)))?;
        let (low, high) = (index.min(other), index.max(other));
        self.at(low).region = region;
        self.rest.swap_remove(high - 1);
        Some(low)
    }
}

fn merged(mut left: Part, right: &Part) -> Part {
    left.region.x[1] = right.region.x[1];
    left.past.merge(&right.past);
    left
}

/// Two regions as one, where that is a rectangle and they do not overlap.
pub(super) fn join(a: &Region, b: &Region) -> Option<Region> {
    if a.y == b.y && (a.x[1] == b.x[0] || b.x[1] == a.x[0]) {
        Some(Region { x: [a.x[0].min(b.x[0]), a.x[1].max(b.x[1])], y: a.y })
    } else if a.x == b.x && (a.y[1] == b.y[0] || b.y[1] == a.y[0]) {
        Some(Region { x: a.x, y: [a.y[0].min(b.y[0]), a.y[1].max(b.y[1])] })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Past {
        let mut past = Past::default();
        past.written = true;
        past
    }

    fn rect(x: [u64; 2], y: [u32; 2]) -> Region {
        Region { x, y }
    }

    fn area(region: &Region) -> u64 {
        (region.x[1] - region.x[0]) * u64::from(region.y[1] - region.y[0])
    }

    #[test]
    fn a_hole_in_a_rectangle_leaves_four_pieces_that_do_not_overlap() {
        let mut parts = Parts::new(rect([0, 8], [0, 8]));
        parts.replace(rect([2, 5], [3, 4]), written());
        assert_eq!(parts.len(), 5);
        assert_eq!(parts.iter().map(|part| area(&part.region)).sum::<u64>(), 64);
        let pairs = parts.iter().enumerate().flat_map(|(i, a)| parts.iter().skip(i + 1).map(move |b| (a, b)));
        assert!(pairs.into_iter().all(|(a, b)| a.region.intersection(&b.region).is_none()));
    }

    #[test]
    fn equal_neighbours_become_one_again() {
        let mut parts = Parts::new(Region::bytes(0..30));
        parts.replace(Region::bytes(10..20), written());
        assert_eq!(parts.len(), 3);
        parts.replace(Region::bytes(20..30), written());
        assert_eq!(parts.len(), 2, "the second write is like the first");
        parts.update(Region::bytes(0..30), |_, past| past.written = true);
        assert_eq!(parts.len(), 1);
    }

    #[test]
    fn one_past_for_all_takes_the_place_of_any_mosaic() {
        // A pinwheel: no two of its five rectangles make a larger one.
        let whole = rect([0, 3], [0, 3]);
        let mut parts = Parts::new(whole);
        parts.first.region = rect([0, 2], [0, 1]);
        for region in [rect([2, 3], [0, 2]), rect([1, 3], [2, 3]), rect([0, 1], [1, 3]), rect([1, 2], [1, 2])] {
            parts.rest.push(Part { region, past: Past::default() });
        }
        parts.replace(whole, written());
        assert_eq!((parts.len(), parts.first.region), (1, whole));
    }

    #[test]
    fn halving_keeps_the_whole_covered() {
        let mut parts = Parts::new(Region::bytes(0..7));
        for at in [0, 2, 4, 6] {
            parts.replace(Region::bytes(at..at + 1), written());
        }
        assert_eq!(parts.len(), 7);
        parts.thin_out(4);
        let mut regions: Vec<_> = parts.iter().map(|part| part.region.x).collect();
        regions.sort_unstable();
        assert_eq!(regions, [[0, 2], [2, 4], [4, 6], [6, 7]]);
    }
}
