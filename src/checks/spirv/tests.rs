//! What is found in vulkio's own shaders.

use std::collections::BTreeMap;

use super::*;

/// Every root by its text: `r`, `w` or `rw`.
fn found(bytes: &[u8]) -> (BTreeMap<String, &'static str>, bool) {
    let words = ash::util::read_spv(&mut std::io::Cursor::new(bytes)).expect("SPIR-V");
    let reach = Reach::of(&words);
    let ways = |touch: Touch| match (touch.reads, touch.writes) {
        (true, true) => "rw",
        (false, true) => "w",
        _ => "r",
    };
    (reach.roots.into_iter().map(|root| (root.text, ways(root.touch))).collect(), reach.is_all)
}

#[test]
fn print_all() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/spv");
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    all.sort();
    for path in all {
        println!("{}: {:?}", path.file_name().unwrap().display(), found(&std::fs::read(&path).unwrap()));
    }
}
