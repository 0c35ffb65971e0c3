use super::*;

const HEADER: &str = "ply\nformat FORMAT 1.0\ncomment made by a test\nelement camera 1\nproperty float fov\n\
    element vertex 2\nproperty float x\nproperty uchar red\nproperty list uchar int neighbours\nproperty double y\n\
    property float z\nproperty uchar green\nproperty uchar blue\nelement face 1\nproperty list uchar int vertex_indices\nend_header\n";

/// The same two points in every encoding: (1, 2, 3) red with three neighbours, (-4, 0.5, 6) with none.
fn files() -> [(&'static str, Vec<u8>); 3] {
    let header = |format: &str| HEADER.replace("FORMAT", format).into_bytes();
    let mut ascii = header("ascii");
    ascii.extend_from_slice(b"0.7\n1 255 3 10 11 12 2 3 0 1\n-4 0 0 .5 6.0 128 255\n3 0 1 0\n");
    let binary = |format: &str, swap: bool| {
        let mut file = header(format);
        let mut put = |bytes: &[u8]| {
            let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
            file.extend_from_slice(if swap { &reversed } else { bytes });
        };
        put(&0.7f32.to_le_bytes());
        put(&1f32.to_le_bytes());
        put(&[255]);
        put(&[3]);
        [10i32, 11, 12].iter().for_each(|index| put(&index.to_le_bytes()));
        put(&2f64.to_le_bytes());
        put(&3f32.to_le_bytes());
        put(&[0]);
        put(&[1]);
        put(&(-4f32).to_le_bytes());
        put(&[0]);
        put(&[0]);
        put(&0.5f64.to_le_bytes());
        put(&6f32.to_le_bytes());
        put(&[128]);
        put(&[255]);
        put(&[0]);
        file
    };
    [("ascii", ascii), ("little", binary("binary_little_endian", false)), ("big", binary("binary_big_endian", true))]
}

fn points(file: &[u8]) -> Vec<([f32; 3], u32)> {
    let points = read(file, file.len() as u64).expect("points");
    (0..points.len()).map(|index| points.at(index)).map(|(place, color)| (place.to_array(), color)).collect()
}

#[track_caller]
fn refused(file: &[u8], place: &str, words: &str) {
    match read(file, file.len() as u64) {
        Err(Trouble::Malformed { place: found, reason }) => {
            assert!(found.starts_with(place) && reason.contains(words), "{found}: {reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn points_are_the_same_in_every_encoding() {
    for (name, file) in files() {
        assert_eq!(points(&file), [([1.0, 2.0, 3.0], 0xff01_00ff), ([-4.0, 0.5, 6.0], 0xffff_8000)], "{name}");
    }
}

#[test]
fn a_file_that_is_cut_anywhere_in_its_points_is_refused() {
    for (name, file) in files() {
        let header = file.windows(11).position(|bytes| bytes == b"end_header\n").expect("a header") + 11;
        let faces = if name == "ascii" { 8 } else { 1 };
        // What stands after the points may be missing; of a text's last number, digits may.
        let last = file.len() - faces - if name == "ascii" { 6 } else { 0 };
        for cut in 0..last {
            assert!(read(&file[..cut], cut as u64).is_err(), "{name}, cut at {cut}");
        }
        refused(&file[..header + 6], "line", "the header claims");
        refused(&file[..last - 2], if name == "ascii" { "line" } else { "byte" }, "");
    }
}

fn with(from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(files()[0].1.clone()).expect("text");
    assert!(text.contains(from), "{from}");
    text.replace(from, to).into_bytes()
}

#[test]
fn what_is_wrong_is_told_by_its_line() {
    refused(b"", "line 1", "ends before its header");
    refused(b"plyy\n", "line 1", "begins with a line `ply`");
    refused(b"ply\nformat ascii 1.0\n", "line 2", "end_header");
    refused(&with("format ascii 1.0\n", ""), "line", "no PLY header");
    refused(&with("property float z", "property quaternion z"), "line 11", "no PLY header");
    refused(&with("property float z", "property float w"), "line 16", "it has: x, red, neighbours, y, w, green, blue");
    refused(&with("property float z", "property list uchar float z"), "line 16", "x, y and z");
    refused(&with("property float z", "property float x"), "line", "one name");
    refused(&with("element vertex", "element point"), "line 16", "no element `vertex`");
    refused(&with("vertex 2", "vertex 1000000000000"), "line 16", "claims 1 of `camera` and 1000000000000 of `vertex`");
    refused(&with("vertex 2", "vertex 99999999999999999999"), "line 6", "no PLY header");
    refused(&with("property float fov\n", ""), "line", "`camera` has no properties");
    refused(&with("1 255 3 10", "one 255 3 10"), "line 18", "`x` is `one`, which is not a number");
    refused(&with("-4 0", "nan 0"), "line 19", "nowhere");
    refused(&with(" 128 255", " 128"), "line 19", "it ends before `blue`");
    refused(&with("1 255 3 10", "1 255 9999999999 10"), "line 18", "within the list");
}

#[test]
fn colours_of_any_type_are_read() {
    let red = |of: &str, values: &str| {
        let header = "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\n";
        let channels = format!("property {of} red\nproperty {of} green\nproperty {of} blue\nend_header\n");
        points(format!("{header}{channels}0 0 0 {values}\n").as_bytes())[0].1
    };
    assert_eq!(red("uchar", "255 0 1"), 0xff01_00ff);
    assert_eq!(red("ushort", "65535 0 32896"), 0xff80_00ff);
    assert_eq!(red("float", "1.0 0 0.5"), 0xff80_00ff);
    assert_eq!(red("float", "255 0 128"), 0xff80_00ff);
    assert_eq!(red("int", "255 0 128"), 0xff80_00ff);
}

#[test]
fn a_cloud_without_points_is_empty() {
    let file =
        b"ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nproperty float y\nproperty float z\nend_header\n";
    assert_eq!(points(file), []);
}
