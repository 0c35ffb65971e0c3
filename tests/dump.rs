//! What `cubes --dump` writes, read as an outside program would: the four files alone say whether the picture is right.

mod caster;
mod scenes;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use caster::{Caster, Cube, Lens, frustum::Frustum, judge::Exact};
use serde_json::Value;
use vulkio::glam::{DVec2, DVec3};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vulkio-dump-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The four files.
struct Dump {
    cubes: Vec<Cube>,
    lens: Lens,
    ids: Vec<u32>,
    visible: Vec<u32>,
}

fn words(path: &Path) -> Vec<[u8; 4]> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (words, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "{} has {} bytes", path.display(), bytes.len());
    words.to_vec()
}

impl Dump {
    /// Runs the example, and reads what it left.
    fn of(args: &[&str]) -> Self {
        let folder = Folder::new();
        let test = env::current_exe().expect("this test's path");
        let profile = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
        let program = profile.join("examples").join(format!("cubes{}", env::consts::EXE_SUFFIX));
        assert!(program.exists(), "{} is missing: `cargo build --example cubes`", program.display());
        let output = Command::new(program)
            .args(args)
            .args(["--validate", "--dump", "dump"])
            .current_dir(&folder.0)
            .output()
            .expect("it starts");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");

        let at = |name: &str| folder.0.join("dump").join(name);
        let floats: Vec<f64> =
            words(&at("instances.bin")).into_iter().map(|word| f32::from_le_bytes(word).into()).collect();
        let (cubes, rest) = floats.as_chunks::<4>();
        assert!(rest.is_empty(), "{} floats", floats.len());
        let cubes = cubes.iter().map(|&[x, y, z, half]| Cube { center: DVec3::new(x, y, z), half }).collect();
        let text = fs::read_to_string(at("camera.json")).expect("a file");
        let lens = lens(&serde_json::from_str(&text).expect("JSON"));
        let ids = |name: &str| words(&at(name)).into_iter().map(u32::from_le_bytes).collect();
        let (ids, visible) = (ids("ids.bin"), ids("visible.bin"));
        Self { cubes, lens, ids, visible }
    }

    fn check(self, count: usize, at: &str) {
        assert_eq!(self.cubes.len(), count, "{at}");
        let [width, height] = self.lens.size;
        assert_eq!(self.ids.len(), width as usize * height as usize, "{at}");
        let caster = Caster::of(self.cubes);
        let exact = Exact::new(&caster, self.lens);
        let verdict = exact.judge(&self.ids);
        println!("{at}: {}; {} cubes shown, {} visible", verdict.line(), exact.shown(), self.visible.len());
        verdict.check(at);
        assert!(exact.shown() > 20, "{at}: {} cubes to see", exact.shown());

        let mut visible = self.visible;
        let listed = visible.len();
        visible.sort_unstable();
        visible.dedup();
        assert_eq!(visible.len(), listed, "{at}: each cube once");
        assert!(visible.last().is_none_or(|&last| (last as usize) < count), "{at}: {:?} is no cube", visible.last());
        let frustum = Frustum::new(&self.lens);
        let in_frustum: Vec<u32> = (0..count as u32).filter(|&id| frustum.meets(&caster.cubes[id as usize])).collect();
        // The matrix is of f32s: what only just touches may be left out.
        let within = |id: u32| {
            let cube = caster.cubes[id as usize];
            frustum.meets(&Cube { half: cube.half * (1.0 - 1e-4), ..cube })
        };
        let lost: Vec<_> = in_frustum.iter().filter(|&&id| within(id) && visible.binary_search(&id).is_err()).collect();
        assert!(lost.is_empty(), "{at}: {} are not in visible.bin: {lost:?}", lost.len());
        let most = in_frustum.len() + in_frustum.len() / 50 + 16;
        assert!(listed <= most, "{at}: {listed} in visible.bin, {} in the frustum", in_frustum.len());
        let hidden = self.ids.iter().find(|&&id| id != u32::MAX && visible.binary_search(&id).is_err());
        assert_eq!(hidden, None, "{at}: shown and not visible");
    }
}

/// The rays that a matrix to clip space stands for: its rows are the camera's axes, its last one the direction.
fn lens(camera: &Value) -> Lens {
    let numbers = |key: &str| -> Vec<f64> {
        let list = camera[key].as_array().unwrap_or_else(|| panic!("{key}: {camera}"));
        list.iter().map(|number| number.as_f64().unwrap_or_else(|| panic!("{key}: {camera}"))).collect()
    };
    let (matrix, eye, size) = (numbers("view_proj"), numbers("eye"), numbers("size"));
    assert_eq!((matrix.len(), eye.len(), size.len()), (16, 3, 2), "{camera}");
    let row = |n: usize| DVec3::new(matrix[n], matrix[4 + n], matrix[8 + n]);
    let (x, y, z, w) = (row(0), row(1), row(2), row(3));
    assert!((w.length() - 1.0).abs() < 1e-5, "clip w is the distance: {camera}");
    assert!(z.length() < 1e-6, "depth is near / distance: {camera}");
    let eye = DVec3::from_slice(&eye);
    // The eye is where x, y and w are 0.
    for (n, row) in [(0, x), (1, y), (3, w)] {
        let at = row.dot(eye) + matrix[12 + n];
        assert!(at.abs() < 1e-4 * (1.0 + row.length() * eye.length()), "row {n} at the eye is {at}: {camera}");
    }
    Lens {
        eye,
        near: matrix[14],
        size: [size[0] as u32, size[1] as u32],
        right: x.normalize(),
        up: -y.normalize(),
        forward: w.normalize(),
        half: DVec2::new(1.0 / x.length(), 1.0 / y.length()),
    }
}

const SIZE: [&str; 2] = ["--size", "160x90"];

#[test]
fn the_files_of_every_scene_and_path_agree_with_each_other() {
    for scene in ["grid", "block", "field", "city", "terrain"] {
        for path in ["hardware", "compute", "auto"] {
            let args = ["--scene", scene, "--path", path, "--lod", "off", "--count", "4000", "--frames", "3"];
            Dump::of(&[&args[..], &SIZE].concat()).check(4000, &format!("{scene}, {path}"));
        }
    }
}

#[test]
fn a_dump_is_of_the_last_frame_and_of_a_picture_of_any_size() {
    let dump = |frames: &str, size: &str| {
        let args = ["--scene", "city", "--lod", "off", "--count", "2500", "--frames", frames, "--size", size];
        Dump::of(&args)
    };
    let (early, late) = (dump("2", "161x93"), dump("9", "161x93"));
    assert_eq!(early.lens.size, [161, 93]);
    assert!(early.lens.eye != late.lens.eye, "the camera flies: {:?}", late.lens.eye);
    early.check(2500, "two frames");
    late.check(2500, "nine frames");
    dump("3", "47x200").check(2500, "upright");
}

#[test]
fn moving_cubes_are_dumped_where_they_were_in_the_last_frame() {
    let args = ["--scene", "grid", "--lod", "off", "--count", "3000", "--frames", "7"];
    let still = Dump::of(&[&args[..], &SIZE].concat());
    let moving = Dump::of(&[&args[..], &["--animate"], &SIZE].concat());
    let moved = still.cubes.iter().zip(&moving.cubes).filter(|(a, b)| a.center.distance(b.center) > 1e-3).count();
    assert!(moved > 1000, "{moved} cubes moved");
    moving.check(3000, "animated");
}

#[test]
fn a_camera_from_a_file_is_the_one_in_the_dump() {
    let folder = Folder::new();
    let file = folder.0.join("camera.json");
    let text = r#"{ "eye": [30.0, 21.0, 39.0], "target": [1.0, 2.0, 3.0], "up": [0.1, 1.0, 0.0], "fov_y": 0.8, "near": 0.25 }"#;
    fs::write(&file, text).expect("a file");
    let args = ["--scene", "block", "--lod", "off", "--count", "1000", "--frames", "2", "--camera"];
    let dump = Dump::of(&[&args[..], &[file.to_str().expect("text")], &SIZE].concat());
    let lens = dump.lens;
    assert_eq!(lens.eye, DVec3::new(30.0, 21.0, 39.0));
    let forward = (DVec3::new(1.0, 2.0, 3.0) - lens.eye).normalize();
    assert!(lens.forward.distance(forward) < 1e-6 && (lens.near - 0.25).abs() < 1e-6, "{:?}", lens.forward);
    assert!((lens.half.y - 0.4f64.tan()).abs() < 1e-6 && (lens.half.x / lens.half.y - 16.0 / 9.0).abs() < 1e-5);
    dump.check(1000, "a camera from a file");
}

#[test]
fn a_dump_with_level_of_detail_names_cubes_that_are_there() {
    let args = ["--scene", "terrain", "--lod", "on", "--count", "20000", "--frames", "3"];
    let dump = Dump::of(&[&args[..], &SIZE].concat());
    let caster = Caster::of(dump.cubes);
    let exact = Exact::new(&caster, dump.lens);
    let count = caster.cubes.len() as u32;
    assert!(dump.ids.iter().all(|&id| id < count || id == u32::MAX));
    let holes = exact.holes(&dump.ids);
    assert!(holes.is_empty(), "{} holes: {holes:?}", holes.len());
    let shown = dump.ids.iter().filter(|&&id| id != u32::MAX).count();
    let expected = exact.hits.iter().flatten().count();
    assert!(shown.abs_diff(expected) * 50 < expected, "{shown} pixels show a cube where {expected} would");
}
