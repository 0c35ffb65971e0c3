//! Point clouds and height maps from files: what is read, and what is refused and how.

mod clouds;

use clouds::{Encoding, Folder, color, ply, png, table, wave};
use vulkio::{
    Error,
    glam::Vec3,
    scene::{
        InstanceSource,
        files::{self, CubeFile, FileOptions},
    },
};

#[track_caller]
fn is_the_wave(cloud: &CubeFile, side: usize) {
    assert_eq!(cloud.len(), side * side);
    assert_eq!(cloud.half_edge(), 0.25, "half of the spacing");
    for i in 0..side * side {
        let cube = cloud.instance(i);
        let [r, g, b] = color(i);
        assert_eq!((cube.position, cube.half_edge), (wave(side, i), 0.25), "point {i}");
        assert_eq!(cube.color, u32::from_le_bytes([r, g, b, 255]), "point {i}");
    }
    let far = (side - 1) as f32 * 0.5 + 0.25;
    let bounds = cloud.bounds();
    assert_eq!((bounds.min, bounds.max.x, bounds.max.z), (Vec3::splat(-0.25), far, far));
}

#[test]
fn a_cloud_is_the_same_from_every_format() {
    let folder = Folder::new();
    for encoding in [Encoding::Ascii, Encoding::Little, Encoding::Big] {
        is_the_wave(&files::open(folder.write("wave.ply", &ply(20, encoding))).expect("a cloud"), 20);
        // It is known by how it begins.
        is_the_wave(&files::open(folder.write("wave.dat", &ply(20, encoding))).expect("a cloud"), 20);
    }
    for (name, separator) in [("wave.csv", ","), ("semi.csv", ";"), ("tab.txt", "\t"), ("wave.xyz", " ")] {
        for names in [false, true] {
            let path = folder.write(name, &table(20, separator, names));
            is_the_wave(&files::open(path).unwrap_or_else(|error| panic!("{error}")), 20);
        }
    }
}

#[test]
fn the_size_of_the_cubes_can_be_chosen() {
    let folder = Folder::new();
    let path = folder.write("wave.ply", &ply(9, Encoding::Little));
    let cloud = files::open_with(&path, &FileOptions::default().half_edge(0.125)).expect("a cloud");
    assert_eq!((cloud.half_edge(), cloud.instance(80).half_edge), (0.125, 0.125));
    for half_edge in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let refused = files::open_with(&path, &FileOptions::default().half_edge(half_edge));
        assert!(matches!(refused, Err(Error::Invalid(_))), "{half_edge}");
    }
}

#[test]
fn a_height_map_is_columns_with_the_colours_laid_over_it() {
    let folder = Folder::new();
    let height = |x: u32, z: u32| (x + z) as u16;
    let colors =
        folder.write("colors.png", &png([20, 10], 3, 8, |x, z, c| [x as u16 * 2, z as u16 * 2, 77][c as usize]));
    let options = FileOptions::default().relief(28.0).colors(&colors);
    for (bits, channels, factor) in [(8, 1, 7), (16, 1, 2000), (8, 3, 7), (16, 3, 2000)] {
        let path = folder.write("map.png", &png([20, 10], channels, bits, |x, z, _| height(x, z) * factor));
        let map = files::open_with(&path, &options).unwrap_or_else(|error| panic!("{bits} x {channels}: {error}"));
        let mut tops = [[i32::MIN; 20]; 10];
        for cube in (0..map.len()).map(|index| map.instance(index)) {
            let [x, y, z] = cube.position.map(|at| at as i32);
            let top = &mut tops[(z + 5) as usize][(x + 10) as usize];
            *top = (*top).max(y);
            assert_eq!(cube.color, u32::from_le_bytes([(x + 10) as u8 * 2, (z + 5) as u8 * 2, 77, 255]));
            assert_eq!(cube.half_edge, 0.5);
        }
        for (z, row) in tops.iter().enumerate() {
            for (x, &top) in row.iter().enumerate() {
                assert_eq!(top, i32::from(height(x as u32, z as u32)), "{bits} bits, {channels} channels, {x} {z}");
            }
        }
        let bounds = map.bounds();
        assert_eq!([bounds.min, bounds.max], [Vec3::new(-10.5, -0.5, -5.5), Vec3::new(9.5, 28.5, 4.5)]);
    }
}

#[test]
fn cubes_of_a_height_map_move_apart_with_their_size() {
    let folder = Folder::new();
    let path = folder.write("map.png", &png([8, 8], 1, 8, |x, _, _| x as u16));
    let options = FileOptions::default().relief(7.0);
    let (small, large) = (
        files::open_with(&path, &options).expect("a map"),
        files::open_with(&path, &options.clone().half_edge(2.0)).expect("a map"),
    );
    assert_eq!(small.len(), large.len());
    for index in 0..small.len() {
        assert_eq!(small.instance(index).position.map(|at| at * 4.0), large.instance(index).position);
    }
    assert_eq!(large.bounds().max, small.bounds().max * 4.0);
}

#[track_caller]
fn refused(folder: &Folder, name: &str, bytes: &[u8], words: &[&str]) {
    let path = folder.write(name, bytes);
    let error = files::open(&path).expect_err(name);
    let text = error.to_string();
    let Error::Malformed { place, .. } = error else { panic!("{name}: {text}") };
    let number = place.strip_prefix("line ").or(place.strip_prefix("byte ")).unwrap_or_else(|| panic!("{place}"));
    assert!(number.parse::<u64>().is_ok(), "{place}");
    assert!(text.contains(name) && words.iter().all(|word| text.contains(word)), "{text}");
}

#[test]
fn what_is_no_scene_is_refused_with_its_place() {
    let folder = Folder::new();
    refused(&folder, "empty.ply", b"", &["line 1"]);
    refused(&folder, "empty.csv", b"", &["line 1", "no point"]);
    refused(&folder, "empty.png", b"", &["byte 0"]);
    refused(&folder, "names.csv", b"x,y,z\n", &["no point"]);
    refused(&folder, "nan.xyz", b"1 2 3\n1 nan 3\n", &["line 2", "nowhere"]);
    refused(&folder, "text.png", b"no picture", &["byte", "PNG"]);
    refused(&folder, "scan.las", b"LASF", &["byte 0", "convert"]);
    refused(&folder, "far.xyz", b"0 0 0\n0 0 1e30\n", &["line 2", "scale"]);
    let whole = png([16, 16], 1, 8, |x, z, _| (x * z) as u16);
    refused(&folder, "cut.png", &whole[..whole.len() / 2], &["byte", "whole"]);
    let cloud = ply(6, Encoding::Little);
    refused(&folder, "cut.ply", &cloud[..cloud.len() - 60], &["the file ends in number"]);
}

#[test]
fn a_picture_without_a_size_is_refused() {
    let folder = Folder::new();
    let mut file = png([4, 4], 1, 8, |_, _, _| 0);
    file[16..20].copy_from_slice(&[0; 4]);
    with_checksum(&mut file);
    refused(&folder, "nothing.png", &file, &["byte"]);
}

/// The checksum of a picture's first chunk, after it was changed.
fn with_checksum(file: &mut [u8]) {
    let crc = file[12..29].iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    });
    file[29..33].copy_from_slice(&(!crc).to_be_bytes());
}

#[test]
fn what_cannot_be_opened_is_an_error_of_the_system() {
    let folder = Folder::new();
    let text = files::open(folder.0.join("nothing.ply")).expect_err("nothing").to_string();
    assert!(text.contains("nothing.ply"), "{text}");
    assert!(matches!(files::open(&folder.0), Err(Error::Io { .. })), "a folder");
}

#[test]
fn colours_over_a_cloud_are_refused() {
    let folder = Folder::new();
    let path = folder.write("wave.xyz", &table(3, " ", false));
    let refused = files::open_with(&path, &FileOptions::default().colors("colors.png"));
    assert!(matches!(refused, Err(Error::Invalid(text)) if text.contains("wave.xyz")));
    let map = folder.write("map.png", &png([4, 4], 1, 8, |_, _, _| 0));
    let text = files::open_with(&map, &FileOptions::default().colors(folder.0.join("no.png")))
        .expect_err("no colours")
        .to_string();
    assert!(text.contains("no.png"), "{text}");
}
