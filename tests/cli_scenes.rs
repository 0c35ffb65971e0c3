//! `cubes` as a process: scenes, ways to draw, cameras from files, files of cubes, and the last frame as data.

mod clouds;
mod process;

use std::{collections::BTreeSet, fs, path::Path};

use process::{Folder, fails};
use serde_json::{Value, json};

const SMALL: [&str; 6] = ["--count", "700", "--frames", "2", "--size", "48x32"];

#[track_caller]
fn drawn(folder: &Folder, args: &[&str]) -> (Vec<u8>, Value) {
    let (table, figures) = folder.succeeds(args);
    let scene = figures["scene"].as_str().expect("a name");
    assert!(table.lines().any(|line| line.trim_start().starts_with("scene") && line.ends_with(scene)), "{table}");
    (fs::read(folder.0.join("cubes.png")).expect("a picture"), figures)
}

#[test]
fn every_scene_is_drawn_without_a_message_and_looks_different() {
    let folder = Folder::new();
    let mut pictures = BTreeSet::new();
    for scene in ["grid", "block", "field", "city", "terrain"] {
        let (picture, figures) = drawn(&folder, &[&SMALL[..], &["--scene", scene, "--validate"]].concat());
        assert_eq!((&figures["scene"], &figures["cubes"]), (&json!(scene), &json!(700)));
        assert!(figures["visible"].as_u64().is_some_and(|visible| (1..=700).contains(&visible)), "{figures}");
        pictures.insert(picture);
    }
    assert_eq!(pictures.len(), 5);
}

#[test]
fn a_random_scene_is_another_with_another_seed() {
    let folder = Folder::new();
    let fixed = folder.0.join("here.json");
    fs::write(&fixed, r#"{"eye": [40, 30, 50], "target": [0, 0, 0]}"#).expect("a file");
    for scene in ["field", "city", "terrain"] {
        let seen = |seed| {
            drawn(&folder, &[&SMALL[..], &["--scene", scene, "--camera", "here.json", "--seed", seed]].concat()).0
        };
        assert!(seen("1") == seen("1") && seen("1") != seen("2"), "{scene}");
    }
}

#[test]
fn a_path_is_the_one_that_was_asked_for() {
    let folder = Folder::new();
    for (path, lod) in [("compute", "off"), ("compute", "on"), ("hardware", "off")] {
        let (table, figures) = folder.succeeds(&[&SMALL[..], &["--path", path, "--lod", lod, "--validate"]].concat());
        assert_eq!((&figures["path"], &figures["lod"]), (&json!(path), &json!(lod == "on")));
        assert!(table.contains(&format!("{path}, level of detail {lod}\n")), "{table}");
    }
    let (_, figures) = drawn(&folder, &[&SMALL[..], &["--path", "auto"]].concat());
    assert!(["compute", "hardware"].contains(&figures["path"].as_str().expect("a name")), "{figures}");
}

#[test]
fn msaa_smooths_what_the_rasteriser_draws() {
    let folder = Folder::new();
    let seen =
        |samples| drawn(&folder, &[&SMALL[..], &["--path", "hardware", "--validate", "--msaa", samples]].concat());
    let ((plain, one), (smooth, four)) = (seen("1"), seen("4"));
    assert_eq!((&one["msaa"], &four["msaa"]), (&json!(1), &json!(4)));
    assert!(plain != smooth, "four samples a pixel change nothing");
}

#[test]
fn an_animated_scene_moves_and_allocates_nothing_for_it() {
    let folder = Folder::new();
    fs::write(folder.0.join("here.json"), r#"{"eye": [40, 30, 50], "target": [0, 0, 0]}"#).expect("a file");
    let seen = |frames, more: &[&str]| {
        let args =
            ["--count", "700", "--size", "48x32", "--scene", "block", "--camera", "here.json", "--frames", frames];
        drawn(&folder, &[&args[..], more].concat())
    };
    let (still, _) = seen("4", &[]);
    let (moved, _) = seen("4", &["--animate", "--validate"]);
    let (later, figures) = seen("20", &["--animate"]);
    assert!(still != moved && moved != later);
    assert_eq!(figures["device_allocations_after_warmup"], 0);
    assert!(seen("4", &["--animate"]).0 == moved, "the same frame is the same picture");
}

#[test]
fn a_camera_that_makes_no_sense_ends_with_1_and_says_what_would() {
    let folder = Folder::new();
    let dir = Folder::new();
    let path = dir.0.join("camera.json");
    let path = path.to_str().expect("a path");
    for (text, words) in [
        ("", &["camera.json", "EOF"][..]),
        ("{}", &["missing field", "eye"]),
        (r#"{"eye": [1, 2, 3]}"#, &["missing field", "target"]),
        (r#"{"eye": [1, 2], "target": [0, 0, 0]}"#, &["length 2", "3"]),
        (r#"{"eye": [1, 2, "x"], "target": [0, 0, 0]}"#, &["invalid type", "f32"]),
        (r#"{"eye": [1, 2, 3], "target": [0, 0, 0], "fov": 1}"#, &["`fov`", "`eye`, `target`, `up`, `fov_y`, `near`"]),
        (r#"{"eye": [1, 2, 3], "target": [1, 2, 3]}"#, &["`target` is `eye`"]),
        (r#"{"eye": [0, 2, 0], "target": [0, 0, 0]}"#, &["`up`"]),
        (r#"{"eye": [1, 2, 3], "target": [0, 0, 0], "up": [0, 0, 0]}"#, &["`up`"]),
        (r#"{"eye": [1, 2, 1e39], "target": [0, 0, 0]}"#, &["`eye`", "1e15"]),
        (r#"{"eye": [1, 2, 3], "target": [0, 0, 0], "fov_y": 60}"#, &["`fov_y`", "radians", "3.1"]),
        (r#"{"eye": [1, 2, 3], "target": [0, 0, 0], "fov_y": -1}"#, &["`fov_y`", "0.001"]),
        (r#"{"eye": [1, 2, 3], "target": [0, 0, 0], "near": 0}"#, &["`near`", "1e-6"]),
    ] {
        fs::write(path, text).expect("a file");
        let said = fails(&folder, &[&SMALL[..], &["--camera", path]].concat(), 1);
        assert!(words.iter().all(|word| said.contains(word)), "{text}: {said}");
    }
    let said = fails(&folder, &[&SMALL[..], &["--camera", "nothing.json"]].concat(), 1);
    assert!(said.contains("nothing.json"), "{said}");
}

#[test]
fn the_cameras_that_are_measured_with_can_be_read() {
    let folder = Folder::new();
    let cameras = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/cubes/cameras");
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(cameras).expect("a folder") {
        let path = entry.expect("an entry").path();
        names.insert(path.file_name().expect("a name").to_string_lossy().into_owned());
        drawn(&folder, &[&SMALL[..], &["--scene", "block", "--camera", path.to_str().expect("a path")]].concat());
    }
    let expected = ["block-10M.json", "block-100M.json", "block-1000M.json", "city-100M.json"];
    assert_eq!(names, expected.map(str::to_owned).into());
}

#[test]
fn files_are_drawn() {
    let folder = Folder::new();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.0.join(name), bytes).expect("a file");
    put("wave.ply", &clouds::ply(12, clouds::Encoding::Little));
    put("wave.csv", &clouds::table(12, ",", true));
    put("map.png", &clouds::png([12, 12], 1, 8, |x, z, _| (x + z) as u16));
    put("colors.png", &clouds::png([5, 5], 3, 8, |x, z, c| (x * 50 + z * 3 + c) as u16));
    for name in ["wave.ply", "wave.csv"] {
        let (_, figures) = drawn(&folder, &["--frames", "2", "--size", "48x32", "--input", name, "--validate"]);
        assert_eq!((&figures["scene"], &figures["cubes"]), (&json!(name), &json!(144)));
        assert!(figures["read_seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{figures}");
    }
    let map = ["--frames", "2", "--size", "48x32", "--input", "map.png"];
    let (plain, figures) = drawn(&folder, &map);
    assert!(figures["cubes"].as_u64().is_some_and(|cubes| cubes >= 144), "{figures}");
    let (colored, _) = drawn(&folder, &[&map[..], &["--colors", "colors.png"]].concat());
    assert!(plain != colored);
}

#[test]
fn a_file_that_is_broken_ends_with_1_and_its_place() {
    let (folder, dir) = (Folder::new(), Folder::new());
    let whole = clouds::ply(12, clouds::Encoding::Little);
    for (name, bytes, words) in [
        ("cut.ply", &whole[..whole.len() - 900], &["the header claims"][..]),
        ("nan.xyz", b"1 2 3\n4 nan 6\n", &["line 2", "nowhere"]),
        ("scan.las", b"LASF", &["byte 0", "convert"]),
        ("empty.csv", b"", &["no point"]),
    ] {
        let path = dir.0.join(name);
        fs::write(&path, bytes).expect("a file");
        let said = fails(&folder, &["--size", "48x32", "--input", path.to_str().expect("a path")], 1);
        assert!(said.contains(name) && words.iter().all(|word| said.contains(word)), "{said}");
    }
    let said = fails(&folder, &["--size", "48x32", "--input", "nothing.ply"], 1);
    assert!(said.contains("nothing.ply"), "{said}");
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

#[test]
fn the_last_frame_can_be_dumped_and_agrees_with_itself() {
    let folder = Folder::new();
    let args = [&SMALL[..], &["--scene", "block", "--lod", "off", "--dump", "data", "--validate"]].concat();
    let (table, figures) = folder.succeeds(&args);
    assert!(table.lines().any(|line| line.trim_start().starts_with("data") && line.ends_with("data")), "{table}");
    assert_eq!(folder.files(), ["cubes.png", "data", "figures.json"].map(str::to_owned).into());
    let dumped =
        |name: &str| fs::read(folder.0.join("data").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(fs::read_dir(folder.0.join("data")).expect("a folder").count(), 4);

    // The block's places are multiples of a half, which packing keeps: side 9, three apart.
    let cubes = floats(&dumped("instances.bin"));
    assert_eq!(cubes.len(), 4 * 700);
    for (id, cube) in cubes.chunks_exact(4).enumerate() {
        let [x, y, z] = [id % 9, id / 9 % 9, id / 81].map(|at| (at as f32 - 4.0) * 3.0);
        assert_eq!(cube, [x, y, z, 0.5], "cube {id}");
    }

    let camera: Value = serde_json::from_slice(&dumped("camera.json")).expect("JSON");
    let keys: BTreeSet<&str> = camera.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["view_proj", "eye", "size"].into());
    assert_eq!(camera["size"], json!([48, 32]));
    let numbers = |key: &str| -> Vec<f64> {
        camera[key].as_array().expect("an array").iter().map(|n| n.as_f64().expect("a number")).collect()
    };
    let (matrix, eye) = (numbers("view_proj"), numbers("eye"));
    assert_eq!((matrix.len(), eye.len()), (16, 3));

    let (ids, visible) = (words(&dumped("ids.bin")), words(&dumped("visible.bin")));
    assert_eq!(ids.len(), 48 * 32);
    assert!(visible.is_sorted_by(|one, other| one < other) && visible.iter().all(|&id| id < 700));
    assert_eq!(figures["visible"], visible.len());
    let seen: BTreeSet<u32> = ids.iter().copied().filter(|&id| id != u32::MAX).collect();
    assert!(seen.len() > 10 && ids.contains(&u32::MAX), "{} cubes are seen", seen.len());
    assert!(seen.iter().all(|id| visible.binary_search(id).is_ok()), "a cube that is seen passed no cull");

    // Each pixel that shows a cube lies within a pixel or two of where the matrix puts that cube's corners.
    for (pixel, &id) in ids.iter().enumerate().filter(|(_, id)| **id != u32::MAX) {
        let cube = &cubes[4 * id as usize..][..4];
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for corner in 0..8 {
            let sign = |bit: u32| if corner >> bit & 1 == 1 { 0.5 } else { -0.5 };
            let point = [0, 1, 2].map(|axis| f64::from(cube[axis as usize]) + sign(axis));
            let row = |row: usize| {
                (0..3).map(|column| matrix[4 * column + row] * point[column]).sum::<f64>() + matrix[12 + row]
            };
            let at = [(row(0) / row(3) + 1.0) * 24.0, (row(1) / row(3) + 1.0) * 16.0];
            (low, high) = ([0, 1].map(|i| at[i].min(low[i])), [0, 1].map(|i| at[i].max(high[i])));
        }
        let at = [(pixel % 48) as f64 + 0.5, (pixel / 48) as f64 + 0.5];
        let inside = (0..2).all(|i| (low[i] - 0.1..=high[i] + 0.1).contains(&at[i]));
        assert!(inside, "pixel {pixel} shows cube {id}, which is from {low:?} to {high:?}");
    }
}

#[test]
fn a_dump_of_a_run_that_fails_leaves_nothing() {
    let folder = Folder::new();
    let said = fails(&folder, &["--count", "1000000000000", "--size", "16x16", "--dump", "data"], 1);
    assert!(said.contains("asked for"), "{said}");
    // A folder that was there stays, with what was in it.
    let older = folder.0.join("older");
    fs::create_dir(&older).expect("a folder");
    fs::write(older.join("ids.bin"), "an older one").expect("a file");
    let output = folder.run(&["--count", "1000000000000", "--size", "16x16", "--dump", "older"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(older.join("ids.bin")).expect("it is there"), b"an older one");
    assert_eq!(fs::read_dir(&older).expect("a folder").count(), 1);
}
