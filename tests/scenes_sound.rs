//! Every scene has as many cubes as were asked for, all of them in its bounds; cities are built of cubes that touch and do not
//! cut each other, and a terrain has no holes.

mod caster;
mod scenes;

use std::collections::{BTreeMap, HashMap};

use caster::{Caster, Lens, packed::all};
use scenes::{Random, seed};
use vulkio::{
    glam::{DVec3, IVec3, Vec3},
    scene::{self, Camera, Instance, InstanceSource},
};

const COUNTS: [usize; 10] = [1, 2, 3, 5, 8, 99, 1000, 4097, 20_000, 65_537];

fn check(name: &str, count: usize, source: &impl InstanceSource) {
    assert_eq!(source.len(), count, "{name}");
    let bounds = source.bounds();
    let (min, max) = (bounds.min.as_dvec3(), bounds.max.as_dvec3());
    let (mut low, mut high) = (DVec3::INFINITY, DVec3::NEG_INFINITY);
    let mut colors = BTreeMap::new();
    for (index, cube) in all(source).into_iter().enumerate() {
        let at = format!("cube {index} of {count} of {name}: {cube:?}");
        assert!(cube.half_edge > 0.0 && cube.half_edge.is_finite(), "{at}");
        assert!(Vec3::from_array(cube.position).is_finite(), "{at}");
        assert_eq!(cube, source.instance(index), "asked again: {at}");
        let (center, half) = (Vec3::from_array(cube.position).as_dvec3(), f64::from(cube.half_edge));
        // As exact as a float of that size is.
        let rounding = center.abs().max_element() * f64::from(f32::EPSILON);
        assert!(
            (center - half + rounding).cmpge(min).all() && (center + half - rounding).cmple(max).all(),
            "{at}; {bounds:?}"
        );
        (low, high) = (low.min(center - half), high.max(center + half));
        *colors.entry(cube.color).or_insert(0) += 1;
    }
    if count >= 1000 {
        let (loose, tight) = (max - min, high - low);
        assert!(loose.cmple(tight * 1.5 + 4.0).all(), "{count} of {name} take {tight}, and the bounds are {loose}");
        assert!(colors.len() >= 8, "{count} of {name} have {} colours", colors.len());
    }
}

#[test]
fn scenes_have_the_cubes_that_were_asked_for_within_their_bounds() {
    for count in COUNTS {
        check("grid", count, &scene::grid(count));
        check("block", count, &scene::block(count));
        for seed in [0, 1, u64::MAX] {
            check("field", count, &scene::field(count, seed));
            check("city", count, &scene::city(count, seed));
            check("terrain", count, &scene::terrain(count, seed));
        }
    }
}

#[test]
fn a_billion_cubes_are_within_their_bounds_wherever_one_looks() {
    let mut random = Random(seed());
    let mut look = |name: &str, source: &dyn InstanceSource| {
        let bounds = source.bounds();
        for n in 0..20_000 {
            let index = if n < 100 { source.len() - 1 - n } else { random.bits() as usize % source.len() };
            let cube = source.instance(index);
            let center = Vec3::from_array(cube.position);
            let slack = center.abs().max_element() * f32::EPSILON * 2.0 + cube.half_edge;
            // Edges included, give or take a float's rounding.
            let within = (center - bounds.min + slack * 1e-6).cmpge(Vec3::splat(cube.half_edge * 0.999)).all()
                && (bounds.max - center + slack * 1e-6).cmpge(Vec3::splat(cube.half_edge * 0.999)).all();
            assert!(within, "cube {index} of {name}: {cube:?}, {bounds:?}");
        }
    };
    for count in [100_000_000, 1_000_000_000, 1_000_000_007] {
        look("grid", &scene::grid(count));
        look("block", &scene::block(count));
        look("field", &scene::field(count, 1));
        look("city", &scene::city(count, 1));
        look("terrain", &scene::terrain(count, 1));
    }
}

#[test]
fn a_seed_gives_the_same_scene_and_another_one_another() {
    let differ = |a: Vec<Instance>, b: Vec<Instance>| a.iter().zip(&b).filter(|(a, b)| a != b).count();
    let count = 5000;
    assert_eq!(differ(all(&scene::field(count, 4)), all(&scene::field(count, 4))), 0);
    assert_eq!(differ(all(&scene::city(count, 4)), all(&scene::city(count, 4))), 0);
    assert_eq!(differ(all(&scene::terrain(count, 4)), all(&scene::terrain(count, 4))), 0);
    assert!(differ(all(&scene::field(count, 4)), all(&scene::field(count, 5))) > count / 2);
    assert!(differ(all(&scene::city(count, 4)), all(&scene::city(count, 5))) > count / 2);
    assert!(differ(all(&scene::terrain(count, 4)), all(&scene::terrain(count, 5))) > count / 2);
}

#[test]
fn a_block_has_two_edges_of_air_between_its_cubes() {
    let cubes = all(&scene::block(1000));
    let at = |i: usize| Vec3::from_array(cubes[i].position);
    let edge = 2.0 * cubes[0].half_edge;
    for (other, axis) in [(1, Vec3::X), (10, Vec3::Y), (100, Vec3::Z)] {
        assert!((at(other) - at(0)).distance(axis * 3.0 * edge) < 1e-5, "{} {}", at(0), at(other));
    }
    assert_eq!(edge, 1.0);
}

#[test]
fn towers_of_a_city_are_cubes_that_touch_and_do_not_cut_each_other() {
    for (count, seed) in [(3_000, 1), (40_000, 2)] {
        let cubes = all(&scene::city(count, seed));
        let edge = cubes.iter().map(|cube| 2.0 * cube.half_edge).fold(0.0, f32::max);
        let mut squares: HashMap<IVec3, Vec<usize>> = HashMap::new();
        let square = |cube: &Instance| (Vec3::from_array(cube.position) / edge).floor().as_ivec3();
        cubes.iter().enumerate().for_each(|(i, cube)| squares.entry(square(cube)).or_default().push(i));
        let (mut touching, mut cutting) = (0, Vec::new());
        for (i, cube) in cubes.iter().enumerate() {
            let mut touches = false;
            for n in 0..27 {
                let by = IVec3::new(n % 3 - 1, n / 3 % 3 - 1, n / 9 - 1);
                for &other in squares.get(&(square(cube) + by)).into_iter().flatten().filter(|&&other| other != i) {
                    let apart = Vec3::from_array(cube.position) - Vec3::from_array(cubes[other].position);
                    let gap = apart.abs() - cube.half_edge - cubes[other].half_edge;
                    // The axis along which they are furthest apart.
                    let most = gap.max_element() / edge;
                    if most < -1e-4 {
                        cutting.push((i, other));
                    }
                    touches |= most.abs() <= 1e-4;
                }
            }
            touching += usize::from(touches);
        }
        assert!(
            cutting.is_empty(),
            "{count}: {} pairs cut each other: {:?}",
            cutting.len(),
            &cutting[..cutting.len().min(5)]
        );
        assert!(touching * 10 > count * 9, "{touching} of {count} touch another");
    }
}

#[test]
fn no_ray_comes_through_a_terrain_from_above() {
    let mut random = Random(seed());
    for (count, seed) in [(2_000, 1), (10_000, 2), (50_000, 3)] {
        let source = scene::terrain(count, seed);
        let bounds = source.bounds();
        let caster = Caster::new(&all(&source));
        let (center, half) = (bounds.center().as_dvec3(), bounds.half_extent().as_dvec3());
        let inner = |point: DVec3| ((point - center).abs() * DVec3::new(1.0, 0.0, 1.0)).cmple(half * 0.85).all();
        let mut rays = 0;
        for n in 0..24 {
            let mut eye = random.vector(bounds.min, bounds.max);
            eye.y = bounds.max.y + bounds.half_extent().max_element() * [0.01, 0.1, 1.0][n % 3];
            let mut target = random.vector(bounds.min, bounds.max);
            target.y = bounds.min.y;
            let camera = Camera::perspective(1.3, 1.0, 1e-3).look_at(eye, target, Vec3::X);
            let lens = Lens::new(&camera, [100, 100]);
            for (pixel, hit) in caster.picture(&lens).into_iter().enumerate() {
                let way = lens.toward(pixel);
                if way.y >= 0.0 {
                    continue;
                }
                // Where it is at the height of the highest and of the lowest cube.
                let at = |y: f32| lens.eye + way * ((f64::from(y) - lens.eye.y) / way.y);
                if inner(at(bounds.max.y)) && inner(at(bounds.min.y)) {
                    rays += 1;
                    assert!(hit.is_some(), "{count} cubes: through from {eye} along {way}");
                }
            }
        }
        assert!(rays > 20_000, "{rays} rays are too few to tell");
    }
}
