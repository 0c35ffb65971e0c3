//! Small files of every format that `scene::files` reads, and where to put them.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vulkio-files-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Ascii,
    Little,
    Big,
}

/// A coloured cloud of `side` x `side` points on a wave, 0.5 apart, with properties and elements that no cube needs.
pub(crate) fn ply(side: usize, encoding: Encoding) -> Vec<u8> {
    let format = match encoding {
        Encoding::Ascii => "ascii",
        Encoding::Little => "binary_little_endian",
        Encoding::Big => "binary_big_endian",
    };
    let mut file = format!(
        "ply\nformat {format} 1.0\ncomment a wave\nobj_info of a test\nelement station 1\nproperty list uchar ushort id\n\
         element vertex {}\nproperty float x\nproperty float y\nproperty float z\nproperty float intensity\nproperty uchar red\n\
         property uchar green\nproperty uchar blue\nproperty list uchar int near\nelement face 1\n\
         property list uchar int vertex_indices\nend_header\n",
        side * side
    )
    .into_bytes();
    let mut put = |text: &str, little: &[u8]| match encoding {
        Encoding::Ascii => file.extend_from_slice(text.as_bytes()),
        Encoding::Little => file.extend_from_slice(little),
        Encoding::Big => file.extend(little.iter().rev()),
    };
    put("2 7 ", &[2]);
    put("8\n", &7u16.to_le_bytes());
    put("", &8u16.to_le_bytes());
    for i in 0..side * side {
        for value in wave(side, i).into_iter().chain([0.25]) {
            put(&format!("{value} "), &value.to_le_bytes());
        }
        let [r, g, b] = color(i);
        put(&format!("{r} {g} {b} "), &[]);
        [r, g, b].iter().for_each(|&channel| put("", &[channel]));
        put("1 ", &[1]);
        put(&format!("{i}\n"), &(i as i32).to_le_bytes());
    }
    put("3 0 1 2\n", &[3]);
    [0i32, 1, 2].iter().for_each(|index| put("", &index.to_le_bytes()));
    file
}

/// The same cloud as text.
pub(crate) fn table(side: usize, separator: &str, names: bool) -> Vec<u8> {
    let mut text = if names { ["x", "y", "z", "red", "green", "blue"].join(separator) + "\n" } else { String::new() };
    for i in 0..side * side {
        let fields =
            wave(side, i).map(|value| value.to_string()).into_iter().chain(color(i).map(|channel| channel.to_string()));
        text += &(fields.collect::<Vec<_>>().join(separator) + "\n");
    }
    text.into_bytes()
}

pub(crate) fn wave(side: usize, i: usize) -> [f32; 3] {
    let [x, z] = [i % side, i / side].map(|at| at as f32 * 0.5);
    [x, (x * 0.25).round() * 0.125, z]
}

/// One that is above 1.
pub(crate) fn color(i: usize) -> [u8; 3] {
    [200, (i % 256) as u8, (i / 256 % 256) as u8]
}

/// A picture of `channels` (1 grey, 3 colours) of 8 or 16 bits.
pub(crate) fn png(size: [u32; 2], channels: u32, bits: u32, value: impl Fn(u32, u32, u32) -> u16) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size[0], size[1]);
    encoder.set_color(if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb });
    encoder.set_depth(if bits == 8 { png::BitDepth::Eight } else { png::BitDepth::Sixteen });
    let mut data = Vec::new();
    for i in 0..size[0] * size[1] * channels {
        let value = value(i / channels % size[0], i / channels / size[0], i % channels);
        if bits == 8 { data.push(value as u8) } else { data.extend_from_slice(&value.to_be_bytes()) }
    }
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&data).expect("a picture");
    writer.finish().expect("an end");
    file
}
