//! The tests' ray-caster against what is known, and against a loop over all cubes.

mod caster;
mod scenes;

use caster::{Caster, Cube, EDGE, Hit, Lens, cameras, judge::Exact};
use scenes::{Random, seed};
use vulkio::{
    NO_ID,
    glam::{DVec3, Vec3},
    scene::{Bounds, Camera},
};

fn cube(center: [f64; 3], half: f64) -> Cube {
    Cube { center: DVec3::from_array(center), half }
}

fn heap(random: &mut Random, count: usize) -> Vec<Cube> {
    let place = |random: &mut Random| random.vector(Vec3::splat(-10.0), Vec3::splat(10.0)).as_dvec3();
    (0..count).map(|_| Cube { center: place(random), half: random.between(0.05, 1.0).into() }).collect()
}

/// The slab test with divisions and comparisons alone, cube by cube.
fn slow(cubes: &[Cube], lens: &Lens, pixel: usize) -> Option<Hit> {
    let at = lens.middle(pixel);
    let across = 2.0 * at.x / f64::from(lens.size[0]) - 1.0;
    let down = 2.0 * at.y / f64::from(lens.size[1]) - 1.0;
    let ray = lens.forward + lens.right * across * lens.half.x - lens.up * down * lens.half.y;
    let mut nearest: Option<Hit> = None;
    for (id, cube) in cubes.iter().enumerate() {
        // Of each face that looks to the eye: where the ray meets its plane, and whether that is within the face.
        for axis in 0..3 {
            let face = cube.center[axis] - cube.half * ray[axis].signum() - lens.eye[axis];
            let distance = face / ray[axis];
            let point = ray * distance + lens.eye - cube.center;
            let within = (0..3).all(|other| other == axis || point[other].abs() <= cube.half);
            if ray[axis] != 0.0 && within && distance >= lens.near && nearest.is_none_or(|hit| distance < hit.distance)
            {
                nearest = Some(Hit { id: id as u32, distance });
            }
        }
    }
    nearest
}

#[test]
fn the_tree_finds_what_a_loop_over_all_faces_finds() {
    let mut random = Random(seed());
    let (mut shown, mut pixels, mut differ) = (0, 0, 0);
    for n in 0..40 {
        let cubes = heap(&mut random, 1 + n * 20);
        let bounds = Bounds { min: Vec3::splat(-11.0), max: Vec3::splat(11.0) };
        let size = [[31, 23], [1, 40], [64, 3], [17, 17]][n % 4];
        let camera = cameras::hard(&mut random, n, bounds, &cubes, size);
        let lens = Lens::new(&camera, size);
        let caster = Caster::of(cubes);
        for (pixel, hit) in caster.picture(&lens).into_iter().enumerate() {
            let expected = slow(&caster.cubes, &lens, pixel);
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs();
            pixels += 1;
            shown += usize::from(hit.is_some());
            match (hit, expected) {
                (None, None) => {}
                (Some(a), Some(b)) if a.id == b.id && near(a.distance, b.distance) => {}
                // A ray along an edge, as cameras that look along an axis have them: rounding decides.
                _ => {
                    differ += 1;
                    let id = expected.map_or(NO_ID, |hit| hit.id);
                    assert!(caster.may_show(&lens, pixel, id), "{hit:?}, not {expected:?}; {camera:?}");
                }
            }
        }
    }
    println!("{shown} of {pixels} pixels show a cube, {differ} differ");
    assert!(shown > pixels / 5 && shown < pixels, "{shown} of {pixels}");
    assert!(differ * 1000 < pixels, "{differ} of {pixels}");
}

#[test]
fn a_known_view_shows_what_is_known() {
    // Looking along −Z at 90 degrees: at distance 4 the picture is 8 wide.
    let camera = Camera::perspective(std::f32::consts::FRAC_PI_2, 1.0, 0.5);
    let lens = Lens::new(&camera, [8, 8]);
    // One in front of the other, one that is cut by the near plane, one around the eye, one behind it.
    let cubes = vec![
        cube([0.5, 0.5, -5.0], 1.0),
        cube([0.0, 0.0, -20.0], 8.0),
        cube([0.0, 0.0, -0.55], 0.2),
        cube([0.0, 0.0, 0.0], 0.3),
        cube([0.0, 0.0, 9.0], 3.0),
    ];
    let caster = Caster::of(cubes);
    let exact = Exact::new(&caster, lens);
    // The front face of the first: −0.5..1.5 at distance 4, so half a pixel to the left of the middle and a pixel and a half
    // to the right. The second's face: −8..8 at 12, two thirds of the picture.
    for y in 0..8 {
        for x in 0..8 {
            let (across, up) = (x as f64 - 3.5, 3.5 - y as f64);
            let first = (-0.5..=1.5).contains(&across) && (-0.5..=1.5).contains(&up);
            let second = across.abs() <= 2.7 && up.abs() <= 2.7;
            let expected = if first {
                0
            } else if second {
                1
            } else {
                NO_ID
            };
            let pixel = y * 8 + x;
            // Middles that lie on the first one's outline are anyone's.
            let open = first && ([-0.5, 1.5].contains(&across) || [-0.5, 1.5].contains(&up));
            assert!(open || exact.id(pixel) == expected, "({x}, {y}): {}, not {expected}", exact.id(pixel));
            if !open {
                assert_eq!(caster.may_show(&exact.lens, pixel, NO_ID), expected == NO_ID);
            }
        }
    }
    assert_eq!(exact.hits[3 * 8 + 4], Some(Hit { id: 0, distance: 4.0 }));
}

#[test]
fn an_edge_excuses_within_its_distance_and_no_further() {
    let camera = Camera::perspective(std::f32::consts::FRAC_PI_2, 1.0, 0.5);
    let lens = Lens::new(&camera, [8, 8]);
    // A face at distance 4, where a pixel is one unit wide, whose right edge is `beyond` right of a pixel's middle.
    for (beyond, excused) in [(-0.9 * EDGE, true), (0.9 * EDGE, true), (-1.1 * EDGE, false), (1.1 * EDGE, false)] {
        let caster = Caster::of(vec![cube([0.5 + beyond - 1.0, 0.0, -5.0], 1.0)]);
        let (pixel, shows) = (4 * 8 + 4, beyond >= 0.0);
        let exact = Exact::new(&caster, lens);
        assert_eq!(exact.id(pixel) == 0, shows);
        let other = if shows { NO_ID } else { 0 };
        assert_eq!(caster.may_show(&lens, pixel, other), excused, "{beyond}");
        let mut ids: Vec<u32> = (0..64).map(|pixel| exact.id(pixel)).collect();
        assert_eq!(exact.judge(&ids).different, 0);
        ids[pixel] = other;
        let verdict = exact.judge(&ids);
        assert_eq!((verdict.different, verdict.wrong + verdict.wrong_large), (1, usize::from(!excused)), "{beyond}");
    }
    // A cube smaller than the space between the rays that are tried.
    for (x, excused) in [(0.5 + 0.8 * EDGE, true), (0.5 + 1.2 * EDGE, false)] {
        let caster = Caster::of(vec![cube([x * 4.0 / 4.0, -0.5, -4.0], 1e-5)]);
        assert_eq!(caster.may_show(&lens, 4 * 8 + 4, 0), excused, "{x}");
    }
    // Two faces so close that their depths may be taken for each other, and two that are not.
    for (apart, excused) in [(1e-6, true), (1e-4, false)] {
        let caster = Caster::of(vec![cube([0.0, 0.0, -5.0], 1.0), cube([0.0, 0.0, -5.0 - apart], 1.0)]);
        assert_eq!(caster.may_show(&lens, 4 * 8 + 4, 1), excused, "{apart}");
        assert!(caster.may_show(&lens, 4 * 8 + 4, 0));
    }
}

#[test]
fn a_cube_that_covers_a_pixel_is_missed_and_a_hole_is_seen() {
    let camera = Camera::perspective(std::f32::consts::FRAC_PI_2, 1.0, 0.5);
    let lens = Lens::new(&camera, [8, 8]);
    // Covers pixels (3..5)², and one of a pixel's half; behind them a wall.
    let caster =
        Caster::of(vec![cube([0.0, 0.0, -5.1], 1.1), cube([2.5, 2.5, -4.25], 0.25), cube([0.0, 0.0, -60.0], 50.0)]);
    let exact = Exact::new(&caster, lens);
    let ids: Vec<u32> = (0..64).map(|pixel| exact.id(pixel)).collect();
    exact.judge(&ids).check("itself");
    assert_eq!(exact.shown(), 3);
    let without = |gone: u32| ids.iter().map(|&id| if id == gone { 2 } else { id }).collect::<Vec<_>>();
    let verdict = exact.judge(&without(0));
    assert_eq!((verdict.missing, verdict.whole, verdict.wrong_large), (1, 2, 4), "{verdict:?}");
    assert_eq!(exact.judge(&without(1)).missing, 0, "it covers no whole pixel");
    let verdict = exact.judge(&without(1));
    assert_eq!(verdict.wrong + verdict.wrong_large, 1, "{verdict:?}");
    let mut holes = ids.clone();
    (holes[8 * 3 + 3], holes[0]) = (NO_ID, NO_ID);
    assert_eq!(exact.holes(&holes), [8 * 3 + 3], "the corner has no neighbours all around");
    assert_eq!(exact.holes(&ids), []);
}
