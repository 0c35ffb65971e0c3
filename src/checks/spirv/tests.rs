//! What is found in vulkio's own shaders, and in what is no shader.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;

use super::*;

fn words(bytes: &[u8]) -> Vec<u32> {
    ash::util::read_spv(&mut std::io::Cursor::new(bytes)).expect("SPIR-V")
}

/// Every root by its text: `r`, `w` or `rw`.
fn found(bytes: &[u8]) -> BTreeMap<String, &'static str> {
    let reach = Reach::of(&words(bytes), &[]);
    assert!(reach.is_all, "all of its addresses can be followed");
    let ways = |touch: Touch| match (touch.reads, touch.writes) {
        (true, true) => "rw",
        (false, true) => "w",
        _ => "r",
    };
    reach.roots.into_iter().map(|root| (root.text, ways(root.touch))).collect()
}

fn as_map(all: &[(&str, &'static str)]) -> BTreeMap<String, &'static str> {
    all.iter().map(|&(text, way)| (text.to_owned(), way)).collect()
}

fn own_shaders() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders/spv");
    let files = fs::read_dir(folder).expect("the shaders").map(|entry| entry.expect("an entry").path());
    files.map(|path| (path.display().to_string(), fs::read(&path).expect("a shader"))).collect()
}

#[test]
fn addresses_in_push_constants_are_told_by_what_is_done_with_them() {
    let saxpy = include_bytes!("../../../shaders/spv/saxpy.comp.spv");
    let push = |byte: u32| format!("byte {byte} of the push constants");
    assert_eq!(found(saxpy), as_map(&[(&push(0), "r"), (&push(8), "rw")]));
    let scatter = include_bytes!("../../../shaders/spv/scatter.comp.spv");
    assert_eq!(found(scatter), as_map(&[(&push(0), "w"), (&push(8), "r"), (&push(16), "r")]));
    let plain = include_bytes!("../../../shaders/spv/triangle.vert.spv");
    assert_eq!(found(plain), as_map(&[]));
}

#[test]
fn addresses_are_followed_through_memory_functions_and_arrays() {
    // Reads cells, chunks of cubes (one of 64) and extents, which the scene in the push constants leads to.
    let draw = include_bytes!("../../../shaders/spv/cells_draw.comp.spv");
    let reach = Reach::of(&words(draw), &[]);
    let of = |behind: Option<usize>| reach.roots.iter().filter(move |root| root.behind == behind);
    let scene = reach.roots.iter().position(|root| root.behind.is_none() && root.leads_on).expect("the scene");
    let within: Vec<_> = of(Some(scene)).collect();
    assert!(within.iter().all(|root| root.touch == Touch { reads: true, writes: false }), "{within:?}");
    let chunks = within.iter().find(|root| !root.offset.any_of.is_empty()).expect("chunks");
    assert_eq!(chunks.offset.any_of, [(8, Some(64))]);
    assert!(of(None).any(|root| root.touch == Touch { reads: true, writes: true }), "lists are added to by atomics");
}

#[test]
fn all_own_shaders_are_understood() {
    let shaders = own_shaders();
    assert!(shaders.len() >= 40);
    for (name, bytes) in shaders {
        let reach = Reach::of(&words(&bytes), &[]);
        assert!(reach.is_all, "{name}");
        let fits = |root: &Root| root.behind.is_none_or(|behind| behind < reach.roots.len());
        assert!(reach.roots.iter().all(fits), "{name}");
        let parents_first =
            reach.roots.iter().enumerate().all(|(index, root)| root.behind.is_none_or(|behind| behind < index));
        assert!(parents_first, "{name}: what leads somewhere comes before what is there");
    }
}

#[test]
fn what_is_no_shader_reaches_nothing() {
    for words in [&[][..], &[0x0723_0203], &[0x0723_0203, 0, 0, 0, 0], &[0x0723_0203, 0, 0, 0, 0, 0, 0, 0xFFFF_0001]] {
        let reach = Reach::of(words, &[]);
        assert!(reach.roots.is_empty() && !reach.is_all);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Drivers are free to misbehave on shaders that are damaged; this must not.
    #[test]
    fn damaged_shaders_are_walked_through_and_no_more(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_u32..4096), 1..24),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let shaders = own_shaders();
        let mut words = words(&which.get(&shaders).1);
        for (place, value) in changes {
            let place = place.index(words.len());
            // An id, a number, or the low half of an instruction's first word.
            words[place] = if value % 3 == 0 { words[place] & 0xFFFF_0000 | value } else { value };
        }
        if cut {
            words.truncate(end.index(words.len()));
        }
        let reach = Reach::of(&words, &[]);
        prop_assert!(reach.roots.iter().enumerate().all(|(index, root)| root.behind.is_none_or(|behind| behind < index)));
    }
}
