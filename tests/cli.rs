//! Examples as processes: of `cubes` exit codes, one line where something is wrong, no half-written files; of `streaming`
//! that it runs.

mod process;

use std::{collections::BTreeSet, fs, io::BufReader};

use process::{Folder, example, fails, one_line};
use serde_json::Value;

#[test]
fn bad_arguments_end_with_2_and_a_line_that_names_them() {
    let folder = Folder::new();
    for (args, words) in [
        (&["--frames", "0"][..], &["--frames"][..]),
        (&["--frames", "-1"], &["-1"]),
        (&["--frames", "4294967296"], &["--frames"]),
        (&["--count", "0"], &["--count", "at least one"]),
        (&["--count", "many"], &["--count", "many"]),
        (&["--count", "99999999999999999999999"], &["--count"]),
        (&["--size", "0x0"], &["--size", "at least one"]),
        (&["--size", "64x0"], &["--size", "at least one"]),
        (&["--size", "64"], &["--size", "1920x1080"]),
        (&["--size", "-4x4"], &["-4"]),
        (&["--size", "4294967296x4"], &["--size"]),
        (&["--frames-in-flight", "0"], &["--frames-in-flight"]),
        (&["--frames-in-flight", "17"], &["--frames-in-flight", "16"]),
        (&["--workers", "0"], &["--workers"]),
        (&["--seed", "x"], &["--seed"]),
        (&["--count"], &["--count"]),
        (&["--out", ""], &["--out"]),
        (&["--cuont", "5"], &["--cuont"]),
        (&["extra"], &["extra"]),
        (&["--dump-graph"], &["--dump-graph"]),
        (&["--out", "same", "--stats", "./same"], &["--out", "--stats"]),
        (&["--out", "same", "--dump-graph", "./same"], &["--out", "--dump-graph"]),
        (&["--stats", "same", "--dump-graph", "same"], &["--stats", "--dump-graph"]),
        (&["--dump-graph", "cubes.png"], &["--out", "--dump-graph"]),
        (&["--dump", ".", "--stats", "ids.bin"], &["--dump", "--stats"]),
        (&["--camera", "here.json", "--stats", "./here.json"], &["--camera", "--stats"]),
        (&["--input", "cubes.png"], &["--input", "--out"]),
        (&["--scene", "town"], &["--scene", "town", "grid, block, field, city, terrain"]),
        (&["--path", "raster"], &["--path", "raster", "hardware, compute, auto"]),
        (&["--lod", "maybe"], &["--lod", "maybe", "on, off"]),
        (&["--msaa", "3"], &["--msaa", "1, 2, 4 or 8"]),
        (&["--msaa", "4", "--path", "compute"], &["--msaa", "--path hardware"]),
        (&["--input", "a.ply", "--scene", "city"], &["--input", "--scene"]),
        (&["--input", "a.ply", "--count", "5"], &["--input", "--count"]),
        (&["--colors", "a.png"], &["--colors", "--input"]),
        (&["--animate", "yes"], &["yes"]),
    ] {
        let text = fails(&folder, args, 2);
        assert!(words.iter().all(|word| text.contains(word)), "{args:?}: {text}");
    }
}

#[test]
fn help_and_version_are_no_failures() {
    let folder = Folder::new();
    let help = folder.run(&["--help"]);
    let text = String::from_utf8_lossy(&help.stdout);
    assert_eq!(help.status.code(), Some(0));
    let options = ["count", "frames", "size", "out", "frames-in-flight", "workers", "device", "validate", "stats"];
    let more = ["dump-graph", "seed", "scene", "input", "colors", "path", "lod", "msaa", "camera", "animate", "dump"];
    for option in options.into_iter().chain(more) {
        assert!(text.contains(&format!("--{option} ")) || text.contains(&format!("--{option}\n")), "{option}: {text}");
    }
    assert_eq!(folder.run(&["--version"]).status.code(), Some(0));
}

#[test]
fn a_path_that_cannot_be_written_ends_with_1_before_anything_is_drawn() {
    let folder = Folder::new();
    for args in [
        ["--out", "no/such/folder/cubes.png"],
        ["--stats", "no/such/folder/cubes.json"],
        ["--dump-graph", "no/such/folder/cubes.dot"],
        ["--dump-graph", ".."],
        ["--out", "/proc/cubes.png"],
        ["--out", "/"],
        ["--out", ".."],
        ["--dump", "/proc/nothing/here"],
        ["--dump", "/proc"],
    ] {
        let text = fails(&folder, &args, 1);
        assert!(
            (text.contains("cannot write") || text.contains("cannot make")) && text.contains(args[1]),
            "{args:?}: {text}"
        );
    }
}

#[test]
fn a_device_that_is_not_there_ends_with_1_and_a_list() {
    let folder = Folder::new();
    let text = fails(&folder, &["--device", "no such device"], 1);
    assert!(text.contains("no such device") && text.contains("0: "), "{text}");
    let text = fails(&folder, &["--device", "12345"], 1);
    assert!(text.contains("12345") && text.contains("0: "), "{text}");
}

#[test]
fn a_count_that_does_not_fit_ends_with_1_and_says_what_is_free() {
    let folder = Folder::new();
    for count in ["1000000000000", &usize::MAX.to_string()] {
        let text = fails(&folder, &["--count", count, "--frames", "1", "--size", "16x16"], 1);
        assert!(text.contains("asked for") && text.contains("free"), "{text}");
    }
}

#[test]
fn a_picture_that_is_too_large_ends_with_1_and_the_limit() {
    let folder = Folder::new();
    let text = fails(&folder, &["--size", "4294967295x1", "--count", "8", "--frames", "1"], 1);
    assert!(text.contains("at most"), "{text}");
}

#[test]
fn an_older_picture_stays_when_a_run_fails() {
    let folder = Folder::new();
    let picture = folder.0.join("cubes.png");
    fs::write(&picture, "an older one").expect("a file");
    let output = folder.run(&["--count", "1000000000000", "--frames", "1", "--size", "16x16"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(fs::read(&picture).expect("it is there"), b"an older one");
    assert_eq!(folder.files().len(), 1);
}

/// What `--dump-graph` writes into a file of this name.
#[track_caller]
fn dumped(folder: &Folder, name: &str) -> String {
    let view = ["--count", "8", "--frames", "2", "--size", "16x16", "--path", "compute"];
    let output = folder.run(&[&view[..], &["--dump-graph", name]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).expect("text");
    assert!(table.lines().any(|line| line.contains("graph") && line.contains(name)), "{table}");
    assert_eq!(folder.files(), ["cubes.png", name].map(str::to_owned).into());
    let text = fs::read_to_string(folder.0.join(name)).expect("a file");
    fs::remove_file(folder.0.join(name)).expect("it is there");
    text
}

#[test]
fn the_graph_is_written_in_the_format_that_its_file_is_named_for() {
    let folder = Folder::new();
    let text = dumped(&folder, "graph.txt");
    assert_eq!(text, dumped(&folder, "graph"), "text unless it says otherwise");
    let count = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
    let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("  pass ")).collect();
    assert!(names.first() == Some(&"`view.begin`") && names.iter().all(|name| name.starts_with("`view.")), "{text}");
    let (passes, barriers) = (count("  pass "), count("  barrier "));
    assert!(text.starts_with(&format!("passes {passes}, waves ")) && passes > 5, "{text}");
    assert!(text.contains(&format!(", barriers {barriers} ")) && barriers > 2, "{text}");
    assert!(text.ends_with(&format!(": {}\n", names[passes - 1])), "{text}");

    let mermaid = dumped(&folder, "graph.mmd");
    assert!(mermaid.starts_with("flowchart TD\n") && mermaid.contains("[\"view.test (wave "), "{mermaid}");
    assert_eq!(dumped(&folder, "graph.md"), format!("```mermaid\n{mermaid}```\n"));

    let dot = dumped(&folder, "graph.DOT");
    assert!(dot.starts_with("digraph plan {\n") && dot.ends_with("}\n"), "{dot}");
    assert_eq!(dot.matches('{').count(), dot.matches('}').count(), "{dot}");
    assert!(dot.contains(" -> ") && dot.contains("view.resolve"), "{dot}");
}

#[test]
fn an_older_graph_stays_when_a_run_fails() {
    let folder = Folder::new();
    fs::write(folder.0.join("graph.dot"), "an older one").expect("a file");
    let args = ["--count", "1000000000000", "--frames", "1", "--size", "16x16", "--dump-graph", "graph.dot"];
    assert_eq!(folder.run(&args).status.code(), Some(1));
    assert_eq!(fs::read(folder.0.join("graph.dot")).expect("it is there"), b"an older one");
    assert_eq!(folder.files().len(), 1);
}

#[cfg(unix)]
#[test]
fn a_graph_that_a_link_leads_to_is_the_same_file() {
    let folder = Folder::new();
    fs::write(folder.0.join("figures"), "").expect("a file");
    std::os::unix::fs::symlink("figures", folder.0.join("link")).expect("a link");
    let output = folder.run(&["--stats", "figures", "--dump-graph", "link"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(one_line(&output).contains("--stats and --dump-graph name the same file"));
}

/// The keys of part 1, in its order.
const KEYS: [&str; 14] = [
    "device",
    "cubes",
    "visible",
    "frames",
    "cpu_ms",
    "gpu_ms",
    "draws",
    "dispatches",
    "barriers",
    "submits",
    "descriptor_writes",
    "device_allocations",
    "device_allocations_after_warmup",
    "command_pools",
];

/// Those of part 4.
const MORE: [&str; 10] = [
    "scene",
    "path",
    "lod",
    "msaa",
    "most_cubes",
    "read_seconds",
    "pack_seconds",
    "upload_seconds",
    "peak_device_bytes",
    "peak_bytes_per_cube",
];

#[test]
fn a_validated_run_is_silent_and_its_figures_agree() {
    let folder = Folder::new();
    let mut args = vec!["--count", "1000", "--frames", "3", "--size", "64x64", "--validate"];
    args.extend(["--out", "picture.png", "--stats", "figures.json"]);
    let output = folder.run(&args);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(folder.files(), ["figures.json", "picture.png"].map(str::to_owned).into());

    let file = fs::File::open(folder.0.join("picture.png")).expect("a file");
    let decoder = png::Decoder::new(BufReader::new(file));
    let mut reader = decoder.read_info().expect("a PNG");
    let mut texels = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut texels).expect("a picture");
    assert_eq!((info.width, info.height), (64, 64));
    assert!(texels.chunks_exact(4).any(|texel| texel != &texels[..4]), "one colour is no picture of cubes");

    let text = fs::read_to_string(folder.0.join("figures.json")).expect("a file");
    let figures: Value = serde_json::from_str(&text).expect("JSON");
    let found: BTreeSet<&str> = figures.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, KEYS.into_iter().chain(MORE).collect());
    let n = |key: &str| figures[key].as_u64().unwrap_or_else(|| panic!("{key}: {text}"));
    assert_eq!((n("cubes"), n("frames"), n("msaa")), (1000, 3, 1));
    assert_eq!((&figures["scene"], &figures["lod"]), (&Value::from("grid"), &Value::from(true)));
    assert!(["hardware", "compute"].map(Value::from).contains(&figures["path"]), "{text}");
    assert!(n("draws") + n("dispatches") >= 3 && n("submits") >= 3 && n("barriers") >= 3, "{text}");
    assert!((1..=1000).contains(&n("visible")), "{text}");
    assert!(n("device_allocations") >= 1 && n("command_pools") >= 1, "{text}");
    // 16 bytes a cube, and a picture of four bytes a texel, at the least.
    assert!(n("peak_device_bytes") >= 16 * 1000 + 4 * 64 * 64, "{text}");
    assert!(n("device_allocations_after_warmup") <= n("device_allocations"), "{text}");
    let device = figures["device"].as_str().expect("a name");
    let table = String::from_utf8(output.stdout).expect("text");
    assert!(!device.is_empty() && table.contains(device), "{table}");
    for times in ["cpu_ms", "gpu_ms"] {
        let [p50, p95, p99] =
            ["p50", "p95", "p99"].map(|p| figures[times][p].as_f64().unwrap_or_else(|| panic!("{times}: {text}")));
        assert!(0.0 < p50 && p50 <= p95 && p95 <= p99, "{text}");
    }
    let seconds =
        ["read_seconds", "pack_seconds", "upload_seconds"].map(|key| figures[key].as_f64().expect("a number"));
    assert!(seconds[0] == 0.0 && seconds[1] > 0.0 && seconds[2] > 0.0, "{text}");
    let each = figures["peak_bytes_per_cube"].as_f64().expect("a number");
    assert!((each * 1000.0 - n("peak_device_bytes") as f64).abs() < 1.0, "{text}");
    assert!(n("most_cubes") > 1_000_000 && n("most_cubes") < 1 << 32, "{text}");
}

#[test]
fn a_run_of_some_frames_allocates_nothing_after_warm_up_and_repeats_by_its_seed() {
    let folder = Folder::new();
    let run = |seed: &str, out: &str| {
        let args = ["--count", "500", "--frames", "40", "--size", "32x32", "--frames-in-flight", "3", "--workers", "2"];
        let output = folder.run(&[&args[..], &["--seed", seed, "--out", out, "--stats", "figures.json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let figures = fs::read_to_string(folder.0.join("figures.json")).expect("a file");
        let figures: Value = serde_json::from_str(&figures).expect("JSON");
        assert_eq!(figures["frames"], 40);
        // At most one for each frame's target, when it is first drawn to.
        assert!(figures["descriptor_writes"].as_u64().is_some_and(|writes| writes <= 3), "{figures}");
        assert_eq!(figures["device_allocations_after_warmup"], 0);
        let picture = fs::read(folder.0.join(out)).expect("a picture");
        (figures["visible"].clone(), picture)
    };
    let first = run("7", "first.png");
    assert!(first == run("7", "second.png"), "the same seed gives the same picture");
    assert!(first.1 != run("8", "third.png").1, "another seed flies another way");
}

#[test]
fn streaming_runs_both_phases_and_validation_is_silent() {
    let folder = Folder::new();
    let mut args = vec!["--cubes", "300", "--size", "64x64", "--seconds", "0.3", "--load-mib", "4", "--validate"];
    args.extend(["--load-rate", "0.05", "--chunks-in-flight", "2", "--save", "last.png"]);
    let output = example("streaming").args(&args).current_dir(&folder.0).output().expect("it starts");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(folder.files(), ["last.png".to_owned()].into());
    let text = String::from_utf8(output.stdout).expect("text");
    for words in ["300 moving cubes", "without a load\n", "beside a load\n", "p99", "frame time beside the load"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let loads: Vec<&str> = text.lines().filter(|line| line.ends_with("GB/s of load")).collect();
    assert_eq!(loads.len(), 2, "{text}");
    assert!(loads[0].contains(" 0.00 GB/s of load") && !loads[1].contains(" 0.00 GB/s of load"), "{text}");
}
