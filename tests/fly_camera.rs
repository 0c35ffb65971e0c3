//! The camera of `cubes --window`: steered, it goes and looks where one would think.

#[path = "../examples/cubes/window/fly.rs"]
#[allow(dead_code, reason = "the example uses all of it")]
mod fly;

use std::time::Duration;

use fly::Fly;
use vulkio::{
    glam::Vec3,
    scene::{Bounds, Camera},
};

const BOUNDS: Bounds = Bounds { min: Vec3::splat(-8.0), max: Vec3::splat(8.0) };
const TENTH: Duration = Duration::from_millis(100);

fn ahead(eye: Vec3, target: Vec3) -> Fly {
    Fly::from(&Camera::perspective(0.9, 1.5, 0.1).look_at(eye, target, Vec3::Y), BOUNDS)
}

fn eye(fly: &Fly) -> Vec3 {
    fly.camera(1.0).eye()
}

#[track_caller]
fn close(a: Vec3, b: Vec3) {
    assert!(a.distance(b) < 1e-4, "{a} and {b}");
}

#[test]
fn it_begins_where_the_camera_was_and_looks_the_same_way() {
    for target in [Vec3::X, Vec3::NEG_X, Vec3::Z, Vec3::NEG_Z, Vec3::new(0.3, 0.8, -0.2), Vec3::new(-4.0, -3.0, 1.0)] {
        let eye = Vec3::new(1.0, 2.0, 3.0);
        let camera = ahead(eye, eye + target).camera(1.5);
        close(camera.eye(), eye);
        close(camera.basis()[2].as_vec3(), target.normalize());
        assert_eq!((camera.fov_y(), camera.near(), camera.aspect()), (0.9, 0.1, 1.5));
    }
}

#[test]
fn forward_is_into_the_picture_and_right_is_to_its_right() {
    let start = ahead(Vec3::ZERO, Vec3::new(1.0, 0.4, -2.0));
    let [right, _, forward] = start.camera(1.0).basis().map(|axis| axis.as_vec3());
    let step = start.speed() * 0.1;
    for (wish, way) in [(Vec3::Z, forward), (Vec3::NEG_Z, -forward), (Vec3::X, right), (Vec3::Y, Vec3::Y)] {
        let mut fly = start;
        fly.advance(wish, false, TENTH);
        close(eye(&fly), way * step);
    }
}

#[test]
fn the_mouse_to_the_right_looks_right_and_down_looks_down() {
    let mut fly = ahead(Vec3::ZERO, Vec3::NEG_Z);
    fly.look([100.0, 0.0]);
    assert!(fly.camera(1.0).basis()[2].x > 0.1);
    fly.look([0.0, 100.0]);
    assert!(fly.camera(1.0).basis()[2].y < -0.1);
}

#[test]
fn it_never_turns_over() {
    let mut fly = ahead(Vec3::ZERO, Vec3::NEG_Z);
    for down in [1e9, -1e9] {
        fly.look([0.0, down]);
        let [_, up, forward] = fly.camera(1.0).basis();
        assert!(up.y > 0.0 && forward.y.abs() > 0.99, "{up} {forward}");
    }
}

#[test]
fn two_keys_are_as_fast_as_one_and_a_long_frame_is_no_jump() {
    let mut fly = ahead(Vec3::ZERO, Vec3::NEG_Z);
    fly.advance(Vec3::new(1.0, 1.0, 1.0), false, Duration::from_secs(60));
    assert!((eye(&fly).length() - fly.speed() * 0.1).abs() < 1e-4, "{}", eye(&fly));
}

#[test]
fn the_wheel_makes_it_faster_and_slower_and_shift_faster_still() {
    let start = ahead(Vec3::ZERO, Vec3::NEG_Z);
    let mut fly = start;
    fly.faster(3.0);
    assert!(fly.speed() > start.speed() * 1.5);
    fly.faster(-3.0);
    assert!((fly.speed() / start.speed() - 1.0).abs() < 1e-4);
    (0..1000).for_each(|_| fly.faster(f32::MAX));
    assert!(fly.speed().is_finite());
    let [mut slow, mut fast] = [start, start];
    slow.advance(Vec3::Z, false, TENTH);
    fast.advance(Vec3::Z, true, TENTH);
    assert!(eye(&fast).length() > eye(&slow).length() * 3.0);
}
