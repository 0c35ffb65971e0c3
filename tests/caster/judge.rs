//! A picture of ids against the exact one.

use std::collections::{BTreeMap, BTreeSet};

use vulkio::{NO_ID, glam::DVec2};

use super::{Caster, Hit, Lens};

/// The edge of a cube that counts as large, in pixels.
const LARGE: f64 = 4.0;

/// An exact picture, to judge others by.
pub(crate) struct Exact<'a> {
    pub(crate) caster: &'a Caster,
    pub(crate) lens: Lens,
    pub(crate) hits: Vec<Option<Hit>>,
    /// The cubes that cover all of some pixel, and the pixel.
    whole: BTreeMap<u32, usize>,
    /// Pixels that each cube has.
    areas: BTreeMap<u32, usize>,
}

/// What is wrong with a picture, and what is not.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) pixels: usize,
    /// Pixels of cubes whose edge is of [`LARGE`] or more pixels, in either picture, and those of them that are equal.
    pub(crate) large: usize,
    pub(crate) large_equal: usize,
    /// Pixels of cubes that have four of them or more, and those that are equal.
    pub(crate) wide: usize,
    pub(crate) wide_equal: usize,
    /// All that differ, of large cubes and of small ones and of nothing.
    pub(crate) different: usize,
    /// Those of them that no edge excuses: where neither picture shows a large cube, and where one does.
    pub(crate) wrong: usize,
    pub(crate) wrong_large: usize,
    /// Cubes that cover a whole pixel and are nowhere.
    pub(crate) missing: usize,
    pub(crate) whole: usize,
    /// The first that are wrong, in words.
    pub(crate) notes: Vec<String>,
}

impl Verdict {
    pub(crate) fn add(&mut self, other: Verdict) {
        self.pixels += other.pixels;
        self.large += other.large;
        self.large_equal += other.large_equal;
        self.wide += other.wide;
        self.wide_equal += other.wide_equal;
        self.different += other.different;
        self.wrong += other.wrong;
        self.wrong_large += other.wrong_large;
        self.missing += other.missing;
        self.whole += other.whole;
        self.notes.extend(other.notes);
    }

    /// Shares of equal pixels, as text.
    pub(crate) fn line(&self) -> String {
        let share = |equal: usize, of: usize| 100.0 * equal as f64 / of.max(1) as f64;
        format!(
            "{} pixels, {} different, {} wrong and {} of large cubes; {:.4} % of {} of cubes with edges of 4 pixels, {:.4} % of {} of cubes with 4 \
             pixels; {} of {} whole cubes missing",
            self.pixels,
            self.different,
            self.wrong,
            self.wrong_large,
            share(self.large_equal, self.large),
            self.large,
            share(self.wide_equal, self.wide),
            self.wide,
            self.missing,
            self.whole
        )
    }

    /// The bounds.
    #[track_caller]
    pub(crate) fn check(&self, at: &str) {
        assert_eq!(self.wrong, 0, "pixels that no edge excuses; {}; {at}:\n{}", self.line(), self.notes.join("\n"));
        assert_eq!(self.missing, 0, "cubes that cover a whole pixel are missing; {}; {at}", self.line());
        assert!(self.large_equal * 1000 >= self.large * 999, "{}; {at}", self.line());
    }
}

impl<'a> Exact<'a> {
    pub(crate) fn new(caster: &'a Caster, lens: Lens) -> Self {
        let hits = caster.picture(&lens);
        let mut areas = BTreeMap::new();
        hits.iter().flatten().for_each(|hit| *areas.entry(hit.id).or_default() += 1);
        let whole = whole(caster, &lens, &hits);
        Self { caster, lens, hits, whole, areas }
    }

    pub(crate) fn id(&self, pixel: usize) -> u32 {
        self.hits[pixel].map_or(NO_ID, |hit| hit.id)
    }

    pub(crate) fn shown(&self) -> usize {
        self.areas.len()
    }

    /// The edge of what a pixel shows, in pixels.
    fn edge(&self, hit: Hit) -> f64 {
        2.0 * self.caster.cubes[hit.id as usize].half / hit.distance * self.lens.scale().min_element()
    }

    /// Whether what a pixel shows and should not is a large cube, where it is entered or else at its middle.
    fn shows_large(&self, pixel: usize, id: u32) -> bool {
        let Some(cube) = self.caster.cubes.get(id as usize) else { return false };
        let ray = self.lens.ray(self.lens.middle(pixel));
        let middle = (cube.center - self.lens.eye).dot(self.lens.forward);
        let distance = self.caster.enters(&ray, id).unwrap_or(middle);
        self.edge(Hit { id, distance: distance.max(self.lens.near) }) >= LARGE
    }

    /// Whether `id` is met exactly where the first one is: cubes in the same place.
    pub(crate) fn tied(&self, pixel: usize, id: u32) -> bool {
        let ray = self.lens.ray(self.lens.middle(pixel));
        self.hits[pixel].is_some_and(|hit| self.caster.enters(&ray, id) == Some(hit.distance))
    }

    pub(crate) fn judge(&self, ids: &[u32]) -> Verdict {
        assert_eq!(ids.len(), self.hits.len(), "an id for each pixel");
        let mut verdict = Verdict { pixels: ids.len(), whole: self.whole.len(), ..Verdict::default() };
        for (pixel, &id) in ids.iter().enumerate() {
            let (equal, hit) = (self.id(pixel) == id || self.tied(pixel, id), self.hits[pixel]);
            let is_large = hit.is_some_and(|hit| self.edge(hit) >= LARGE) || !equal && self.shows_large(pixel, id);
            verdict.large += usize::from(is_large);
            verdict.large_equal += usize::from(is_large && equal);
            let is_wide = hit.is_some_and(|hit| self.areas[&hit.id] >= 4);
            verdict.wide += usize::from(is_wide);
            verdict.wide_equal += usize::from(is_wide && equal);
            if equal {
                continue;
            }
            verdict.different += 1;
            if !self.caster.may_show(&self.lens, pixel, id) {
                *if is_large { &mut verdict.wrong_large } else { &mut verdict.wrong } += 1;
                if verdict.notes.len() < 5 || !is_large && verdict.wrong < 5 {
                    verdict.notes.push(self.note(pixel, id));
                }
            }
        }
        let present: BTreeSet<u32> = ids.iter().copied().collect();
        let missing = |&(&id, &pixel): &(&u32, &usize)| !present.contains(&id) && !self.tied(pixel, ids[pixel]);
        for (&id, &pixel) in self.whole.iter().filter(missing) {
            verdict.missing += 1;
            verdict.notes.push(format!("missing: {}", self.note(pixel, ids[pixel])));
            debug_assert_eq!(id, self.id(pixel));
        }
        verdict
    }

    fn note(&self, pixel: usize, id: u32) -> String {
        let width = self.lens.size[0] as usize;
        let exact = self.hits[pixel]
            .map(|hit| format!("{hit:?}, {:?}, {:.3} pixels", self.caster.cubes[hit.id as usize], self.edge(hit)));
        let ray = self.lens.ray(self.lens.middle(pixel));
        let shown = match self.caster.cubes.get(id as usize) {
            Some(cube) => format!("{id}, {cube:?}, entered at {:?}", self.caster.enters(&ray, id)),
            None if id == NO_ID => "nothing".to_owned(),
            None => format!("{id}, which is no cube"),
        };
        format!("({}, {}): exact {exact:?}; shown {shown}", pixel % width, pixel / width)
    }

    /// Pixels that are empty in `ids` though all around them there are cubes.
    pub(crate) fn holes(&self, ids: &[u32]) -> Vec<usize> {
        let [width, height] = self.lens.size.map(|side| side as usize);
        let full = |pixel: usize| {
            let (x, y) = (pixel % width, pixel / width);
            let inner = (1..width.max(1) - 1).contains(&x) && (1..height.max(1) - 1).contains(&y);
            inner && (y - 1..=y + 1).all(|y| (x - 1..=x + 1).all(|x| self.hits[y * width + x].is_some()))
        };
        (0..ids.len()).filter(|&pixel| ids[pixel] == NO_ID && full(pixel)).collect()
    }
}

/// The cubes that are seen at all four corners of a pixel, at the middles of its sides and at its middle.
fn whole(caster: &Caster, lens: &Lens, hits: &[Option<Hit>]) -> BTreeMap<u32, usize> {
    // Half a pixel apart: the middles of pixels, of their sides, and their corners.
    let [width, height] = lens.size;
    let fine = Lens { size: [width + 1, height + 1], ..*lens };
    let columns = fine.size[0] as usize;
    let place = |i: usize, shift: DVec2| DVec2::new((i % columns) as f64, (i / columns) as f64) + shift;
    let at = |shift: DVec2| {
        let mut seen = vec![NO_ID; columns * fine.size[1] as usize];
        let hits = caster.at_places(lens, seen.len(), |i| place(i, shift));
        seen.iter_mut().zip(hits).for_each(|(seen, hit)| *seen = hit.map_or(NO_ID, |hit| hit.id));
        seen
    };
    let (corners, tops, lefts) = (at(DVec2::ZERO), at(DVec2::new(0.5, 0.0)), at(DVec2::new(0.0, 0.5)));
    let mut whole = BTreeMap::new();
    for (pixel, hit) in hits.iter().enumerate() {
        let Some(hit) = hit else { continue };
        let at = pixel / width as usize * columns + pixel % width as usize;
        let around = [at, at + 1, at + columns, at + columns + 1].map(|i| corners[i]);
        let sides = [tops[at], tops[at + columns], lefts[at], lefts[at + 1]];
        if around.into_iter().chain(sides).all(|id| id == hit.id) {
            whole.entry(hit.id).or_insert(pixel);
        }
    }
    whole
}
