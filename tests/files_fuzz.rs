//! Broken files: never a panic, and never more memory than a file's size allows. One test, as it counts the process's memory.

mod clouds;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::SystemTime,
};

use clouds::{Encoding, Folder, ply, png, table};
use vulkio::scene::{InstanceSource, files};

/// Beside what goes with the file's size: buffers, and what threads take when they start.
const FIXED: usize = 1 << 19;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed to the system's allocator as it is; counting changes nothing of what it promises.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's promises are those of `System::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most bytes held at once while `work` ran, beyond those held before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    (done, PEAK.load(Relaxed) - before)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Cuts a file, flips bits, puts digits in place of others, repeats and removes pieces.
fn broken(good: &[u8], random: &mut Random) -> Vec<u8> {
    let mut file = good.to_vec();
    for _ in 0..=random.below(3) {
        if file.is_empty() {
            break;
        }
        let at = random.below(file.len());
        match random.below(6) {
            0 => file.truncate(at),
            1 => file[at] ^= 1 << random.below(8),
            2 => file[at] = random.next() as u8,
            // Text: other numbers, other separators.
            3 => file[at] = b"0123456789-+.e \n,;\"xn"[random.below(21)],
            4 => {
                let end = (at + random.below(30)).min(file.len());
                let piece = file[at..end].to_vec();
                file.splice(at..at, piece);
            }
            _ => drop(file.drain(at..(at + random.below(30)).min(good.len()).min(file.len()).max(at))),
        }
    }
    file
}

/// A picture's checksums, made right again: otherwise a decoder looks no further.
fn with_checksums(mut file: Vec<u8>) -> Vec<u8> {
    let mut at = 8;
    while at + 12 <= file.len() {
        let length = u32::from_be_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]) as usize;
        let Some(end) = at.checked_add(8 + length).filter(|end| end + 4 <= file.len()) else { break };
        let crc = file[at + 4..end].iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
        });
        file[end..end + 4].copy_from_slice(&(!crc).to_be_bytes());
        at = end + 4;
    }
    file
}

#[test]
fn broken_files_are_errors_and_take_no_more_memory_than_their_size_allows() {
    let folder = Folder::new();
    claims_take_no_memory(&folder);
    let seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    println!("seed {seed}");
    let mut random = Random(seed);
    let noise = |x: u32, z: u32, c: u32| (x * 7919 + z * 104_729 + c * 31) as u16 ^ (x * z) as u16;
    let good = [
        ("a.ply", ply(8, Encoding::Ascii)),
        ("l.ply", ply(8, Encoding::Little)),
        ("b.ply", ply(8, Encoding::Big)),
        ("c.csv", table(8, ",", true)),
        ("s.csv", table(8, ";", false)),
        ("x.xyz", table(8, " ", true)),
        ("g.png", png([24, 24], 1, 16, noise)),
        ("r.png", png([24, 24], 3, 8, noise)),
    ];
    // Of the good ones, and so that what starts once is not counted later.
    for (name, file) in &good {
        files::open(folder.write(name, file)).unwrap_or_else(|error| panic!("{error}"));
    }
    let (mut read, mut refused, mut most) = (0, 0, 0);
    for round in 0..10_000 {
        let (name, good) = &good[random.below(good.len())];
        let mut file = broken(good, &mut random);
        let picture = name.ends_with("png");
        if picture && random.below(4) > 0 {
            file = with_checksums(file);
        }
        let path = folder.write(name, &file);
        let (outcome, bytes) = peak(|| files::open(&path));
        // Deflate packs a thousand to one.
        let allowed = FIXED + file.len() * if picture { 4 * 1032 } else { 64 };
        assert!(bytes <= allowed, "seed {seed}, round {round}, {name}: {bytes} bytes for a file of {}", file.len());
        most = most.max(bytes);
        match outcome {
            Ok(cubes) => {
                read += 1;
                let bounds = cubes.bounds();
                for index in (0..cubes.len()).step_by(1 + cubes.len() / 1000) {
                    let cube = cubes.instance(index);
                    let inside = (0..3).all(|axis| {
                        (bounds.min[axis]..=bounds.max[axis]).contains(&cube.position[axis])
                            && cube.position[axis].is_finite()
                    });
                    assert!(
                        inside && cube.half_edge > 0.0,
                        "seed {seed}, round {round}, {name}: {cube:?} in {bounds:?}"
                    );
                }
            }
            Err(error) => {
                refused += 1;
                let text = error.to_string();
                assert!(text.contains(name) && !text.contains('\n'), "seed {seed}, round {round}: {text}");
            }
        }
    }
    println!("{read} read, {refused} refused, at most {most} bytes at once");
    assert!(read > 500 && refused > 500, "{read} read, {refused} refused");
}

/// A kilobyte that claims a billion points or pixels is refused before there is memory for them.
fn claims_take_no_memory(folder: &Folder) {
    let cloud = |format: &str, count: &str| {
        let header = format!(
            "ply\nformat {format} 1.0\nelement vertex {count}\nproperty float x\nproperty float y\nproperty float z\nend_header\n"
        );
        [header.into_bytes(), vec![b' '; 900]].concat()
    };
    let mut picture = png([4, 4], 1, 8, |_, _, _| 9);
    picture[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    for (name, file) in [
        ("ascii.ply", cloud("ascii", "1000000000000")),
        ("little.ply", cloud("binary_little_endian", "1000000000000")),
        ("big.ply", cloud("binary_big_endian", "18446744073709551615")),
        ("wide.png", with_checksums(picture)),
    ] {
        let path = folder.write(name, &file);
        let (outcome, bytes) = peak(|| files::open(&path));
        let text = outcome.expect_err(name).to_string();
        assert!(text.contains("claims"), "{text}");
        assert!(bytes < 1 << 20, "{name}: {bytes} bytes");
        fs::remove_file(path).expect("it is there");
    }
}
