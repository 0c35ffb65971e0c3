//! Settings: files that are read and files that are refused, which source wins, and what is printed.
#![cfg(feature = "config")]

mod folder;

use folder::Folder;
use vulkio::{
    Error, SamplerDesc, Validation,
    config::{Config, LevelFilter, Origin, Vsync},
};

/// Loads a file of this text; mistakes come without the folder's path.
fn load(text: impl AsRef<[u8]>) -> Result<Config, String> {
    let folder = Folder::new();
    Config::sources().file(folder.write("config.toml", text)).load().map_err(|error| {
        assert!(matches!(error, Error::Config(_)), "{error:?}");
        folder.relative(error)
    })
}

#[test]
fn good_files_say_what_they_mean() {
    type Check = fn(&Config) -> bool;
    let files: &[(&str, Check)] = &[
        ("", |config| config.window.width == 1280 && config.window.height == 720 && config.window.title == "vulkio"),
        ("# nothing\n\n[window]\n[debug]\n", |config| config.graphics.msaa_samples == 1),
        ("[window]\nwidth = 16_384\nheight = 1", |config| (config.window.width, config.window.height) == (16384, 1)),
        ("window.width = 0x10", |config| config.window.width == 16),
        ("window = { width = 10, vsync = \"relaxed\" }", |config| {
            config.window.width == 10 && config.window.vsync == Vsync::Relaxed
        }),
        ("[window]\ntitle = 'it is \"quoted\"'", |config| config.window.title == "it is \"quoted\""),
        ("[window]\nfullscreen = true\nvsync = false", |config| {
            config.window.fullscreen && config.window.vsync == Vsync::Off
        }),
        ("[window]\nvsync = \"Mailbox\"", |config| config.window.vsync == Vsync::Mailbox),
        ("[window]\nvsync = true", |config| config.window.vsync == Vsync::On),
        (
            "[performance]\nmax_frames_in_flight = 3\nworker_threads = 5\nmax_batch = 7\nmax_batch_delay_us = 9",
            |config| {
                let performance = &config.performance;
                performance.max_frames_in_flight == 3
                    && performance.workers() == 5
                    && (performance.max_batch, performance.max_batch_delay_us) == (7, 9)
            },
        ),
        ("[performance]\nworker_threads = 0", |config| config.performance.workers() >= 1),
        ("[graphics]\nmsaa_samples = 8\nanisotropic_filtering = false", |config| {
            config.graphics.msaa_samples == 8 && config.graphics.anisotropic_filtering == 1
        }),
        ("[graphics]\nanisotropic_filtering = true", |config| config.graphics.anisotropic_filtering == 16),
        ("[graphics]\nanisotropic_filtering = 4", |config| config.graphics.anisotropic_filtering == 4),
        ("[debug]\nenable_validation = true\nlog_level = \"trace\"", |config| {
            config.debug.enable_validation == Validation::On && config.tracing_filter() == LevelFilter::TRACE
        }),
        ("[debug]\nenable_validation = \"strict\"\nlog_level = \"off\"", |config| {
            config.debug.enable_validation == Validation::Strict && config.debug.log_level == LevelFilter::OFF
        }),
        ("\u{feff}[window]\nwidth = 8", |config| config.window.width == 8),
        ("\r\n[window]\r\nwidth = 7\r\n", |config| config.window.width == 7),
    ];
    for (text, check) in files {
        let config = load(text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        assert!(check(&config), "{text}\n{}", config.explain());
    }
}

#[test]
fn bad_files_are_answered_with_file_line_and_what_is_allowed() {
    let files: &[(&str, &str)] = &[
        (
            "[window]\nwidth = \"wide\"",
            "config.toml:2:9: window.width cannot be `\"wide\"`; allowed: a whole number from 1 to 16384",
        ),
        (
            "[window]\n  width = 0",
            "config.toml:2:11: window.width cannot be `0`; allowed: a whole number from 1 to 16384",
        ),
        (
            "[window]\nheight = 16385",
            "config.toml:2:10: window.height cannot be `16385`; allowed: a whole number from 1 to 16384",
        ),
        (
            "[window]\nheight = -1",
            "config.toml:2:10: window.height cannot be `-1`; allowed: a whole number from 1 to 16384",
        ),
        (
            "[window]\nheight = 7.5",
            "config.toml:2:10: window.height cannot be `7.5`; allowed: a whole number from 1 to 16384",
        ),
        (
            "[window]\nheight = 99999999999999999999999999999999999999999999999",
            "config.toml:2:10: window.height cannot be `99999999999999999999999999999999999999999999999`; allowed: a whole number from 1 to 16384",
        ),
        ("[window]\ntitle = 1", "config.toml:2:9: window.title cannot be `1`; allowed: a text of one line"),
        (
            "[window]\ntitle = \"two\\nlines\"",
            "config.toml:2:9: window.title cannot be `\"two\\nlines\"`; allowed: a text of one line",
        ),
        (
            "[window]\nfullscreen = \"yes\"",
            "config.toml:2:14: window.fullscreen cannot be `\"yes\"`; allowed: true or false",
        ),
        (
            "[window]\nvsync = \"fifo\"",
            "config.toml:2:9: window.vsync cannot be `\"fifo\"`; allowed: \"on\", \"relaxed\", \"mailbox\", \"off\", true or false",
        ),
        (
            "[window]\nvsync = [\n1,\n2]",
            "config.toml:2:9: window.vsync cannot be `[..`; allowed: \"on\", \"relaxed\", \"mailbox\", \"off\", true or false",
        ),
        (
            "[performance]\nmax_frames_in_flight = 17",
            "config.toml:2:24: performance.max_frames_in_flight cannot be `17`; allowed: a whole number from 1 to 16",
        ),
        (
            "[graphics]\nmsaa_samples = 3",
            "config.toml:2:16: graphics.msaa_samples cannot be `3`; allowed: 1, 2, 4 or 8",
        ),
        (
            "[graphics]\nmsaa_samples = true",
            "config.toml:2:16: graphics.msaa_samples cannot be `true`; allowed: 1, 2, 4 or 8",
        ),
        (
            "[graphics]\nanisotropic_filtering = 0",
            "config.toml:2:25: graphics.anisotropic_filtering cannot be `0`; allowed: a whole number from 1 to 16, true or false",
        ),
        (
            "[debug]\nenable_validation = \"loud\"",
            "config.toml:2:21: debug.enable_validation cannot be `\"loud\"`; allowed: \"off\", \"on\", \"strict\", true or false",
        ),
        (
            "[debug]\nlog_level = 3",
            "config.toml:2:13: debug.log_level cannot be `3`; allowed: \"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
        ),
        ("[window]\nwidht = 3", "config.toml:2:1: no setting `widht` in [window]; did you mean `width`?"),
        (
            "[window]\nmsaa_samples = 4",
            "config.toml:2:1: no setting `msaa_samples` in [window]; it belongs in [graphics]",
        ),
        (
            "[window]\nzzz = 4",
            "config.toml:2:1: no setting `zzz` in [window]; there are: width, height, title, fullscreen, vsync",
        ),
        ("\n\n[windows]\nwidth = 3", "config.toml:3:2: no section [windows]; did you mean [window]?"),
        ("[qqq]\n", "config.toml:1:2: no section [qqq]; there are: [window], [performance], [graphics], [debug]"),
        ("width = 3", "config.toml:1:1: `width` belongs in the section [window]; write that above it"),
        ("heigth = 3", "config.toml:1:1: no setting `heigth`; did you mean `window.height`?"),
        ("x = 3", "config.toml:1:1: no setting `x`; settings are in [window], [performance], [graphics], [debug]"),
        ("window = 3", "config.toml:1:1: `window` is a section; write `[window]` and its settings below"),
        ("[[window]]\nwidth = 3", "config.toml:1:3: `window` is a section; write `[window]` and its settings below"),
        // Columns are characters, not bytes.
        (
            "window = { title = \"äöü\", widht = 1 }",
            "config.toml:1:27: no setting `widht` in [window]; did you mean `width`?",
        ),
    ];
    for (text, expected) in files {
        let error = load(text).expect_err(text);
        assert_eq!(error, *expected, "{text}");
    }
}

#[test]
fn what_is_no_toml_is_answered_with_file_and_line() {
    for (text, place) in [
        ("[window]\nwidth =\n", "config.toml:2:"),
        ("[window]\nwidth = 1\nwidth = 2\n", "config.toml:3:"),
        ("[window\n", "config.toml:1:"),
        ("[window]\nwidth 5\n", "config.toml:2:"),
        ("[window]\ntitle = \"open\n", "config.toml:2:"),
        ("[window]\nvsync = on\n", "config.toml:2:9: "),
    ] {
        let error = load(text).expect_err(text);
        assert!(error.lines().all(|line| line.starts_with("config.toml:")), "{text}\n{error}");
        assert!(error.starts_with(place), "{text}\n{error}");
    }
    let error = load("[window]\nwidth = 1\nwidth = 2\n").expect_err("twice");
    assert_eq!(error, "config.toml:3:1: `width` stands here for the second time; leave one of them out");
    let error = load("[window]\nwidth = 1\n[window]\n").expect_err("twice");
    assert_eq!(error, "config.toml:3:2: `window` stands here for the second time; leave one of them out");
    let error = load(b"[window]\ntitle = \"\xff\"\n").expect_err("no UTF-8");
    assert!(error.starts_with("config.toml:2:1: ") && error.contains("UTF-8"), "{error}");
}

#[test]
fn every_mistake_is_told_at_once_from_top_to_bottom() {
    let error = load("[window]\nwidth = 0\nfoo = 1\n[graphics]\nmsaa_samples = 5\n[what]\n").expect_err("mistakes");
    let places: Vec<_> = error.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(places, ["config.toml:2:9", "config.toml:3:1", "config.toml:5:16", "config.toml:6:2"], "{error}");

    let folder = Folder::new();
    let error = Config::sources()
        .file(folder.write("config.toml", "[window]\nwidth = 0"))
        .variables([("VULKIO_WINDOW_HEIGHT", "0")])
        .assign("--set", "window.vsync=often")
        .load()
        .expect_err("mistakes");
    let error = folder.relative(error);
    let starts: Vec<_> = error.lines().map(|line| line.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(starts, ["config.toml:2:9", "VULKIO_WINDOW_HEIGHT", "--set"], "{error}");
}

#[test]
fn random_bytes_are_refused_or_read_and_never_panic() {
    let alphabet = b"[]=\"'.{},#\n\r\t -_019axwindow\xc3\xa4\xff";
    for seed in 0..2000u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut text = b"[window]\nwidth = 3\n".to_vec();
        for _ in 0..next() % 40 {
            let at = next() as usize % (text.len() + 1);
            text.insert(at, alphabet[next() as usize % alphabet.len()]);
        }
        if let Err(error) = load(&text) {
            assert!(error.lines().all(|line| line.starts_with("config.toml:")), "seed {seed}: {error}");
        }
    }
}

#[test]
fn a_file_need_not_be_there_unless_it_was_named() {
    let folder = Folder::new();
    let config = Config::sources().file_if_there(folder.path().join("config.toml")).load().expect("defaults");
    assert_eq!(config.origin("window.width"), Some(Origin::Default));
    let error = Config::sources().file(folder.path().join("mine.toml")).load().expect_err("no file");
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("mine.toml"), "{error}");
    // A folder is no file, and is not nothing either.
    let error = Config::sources().file_if_there(folder.path()).load().expect_err("a folder");
    assert!(matches!(error, Error::Io { .. }), "{error:?}");
}

#[test]
fn switches_win_over_the_environment_and_that_over_the_file_and_that_over_the_defaults() {
    let folder = Folder::new();
    let path = folder.write("config.toml", "[window]\nwidth = 1\nheight = 1\ntitle = \"file\"\n");
    let config = Config::sources()
        .assign("--set", "window.width=3")
        .set("--width", "window.width", "4")
        .variables([("VULKIO_WINDOW_WIDTH", "2"), ("VULKIO_WINDOW_HEIGHT", "2"), ("VULKIO_WINDOW_TITLE", "  ")])
        .file(&path)
        .load()
        .expect("settings");
    assert_eq!((config.window.width, config.window.height), (4, 2));
    assert_eq!(config.window.title, "file", "an empty variable counts as not set");
    let origin = |key| config.origin(key).expect("a setting");
    assert_eq!(origin("window.width"), Origin::Switch { switch: "--width".into() });
    assert_eq!(origin("window.height"), Origin::Environment { variable: "VULKIO_WINDOW_HEIGHT".into() });
    assert_eq!(origin("window.title"), Origin::File { path: path.display().to_string(), line: 4 });
    assert_eq!(origin("window.vsync"), Origin::Default);
    assert_eq!(config.origin("window.none"), None);
    assert_eq!(config.origin("width"), None);
}

#[test]
fn variables_and_switches_are_checked_as_files_are() {
    let wrong: &[(&str, &str, &str)] = &[
        (
            "VULKIO_WINDOW_WIDTH",
            "wide",
            "VULKIO_WINDOW_WIDTH: it cannot be `wide`; allowed: a whole number from 1 to 16384",
        ),
        (
            "VULKIO_WINDOW_WIDHT",
            "3",
            "VULKIO_WINDOW_WIDHT: no setting has this name; did you mean VULKIO_WINDOW_WIDTH?",
        ),
        (
            "VULKIO_VALIDATION",
            "loud",
            "VULKIO_VALIDATION: it cannot be `loud`; allowed: \"off\", \"on\", \"strict\", true or false",
        ),
    ];
    for (name, value, expected) in wrong {
        let error = Config::sources().variables([(name, value)]).load().expect_err(name);
        assert_eq!(error.to_string(), *expected);
    }
    let wrong: &[(&str, &str)] = &[
        ("window.width=wide", "--set: window.width cannot be `wide`; allowed: a whole number from 1 to 16384"),
        ("window.width", "--set: `window.width` sets nothing; write it as `key=value`, as `window.width=800`"),
        ("width=3", "--set: no setting `width`; did you mean `window.width`?"),
        ("windw.width=3", "--set: no setting `windw.width`; did you mean `window.width`?"),
        ("window.fullscreen=", "--set: window.fullscreen cannot be ``; allowed: true or false"),
    ];
    for (assignment, expected) in wrong {
        let error = Config::sources().assign("--set", assignment).load().expect_err(assignment);
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn variables_of_other_programs_and_of_the_device_are_left_alone() {
    let config = Config::sources()
        .variables([("VULKIO_DEVICE", "llvmpipe"), ("WINDOW_WIDTH", "x"), ("VULKIO_WINDOWS", "x"), ("DISPLAY", ":0")])
        .load()
        .expect("defaults");
    assert_eq!(config.window.width, 1280);
}

#[test]
fn the_old_name_of_validation_still_works_and_the_new_one_wins() {
    let both = [("VULKIO_VALIDATION", "strict"), ("VULKIO_DEBUG_ENABLE_VALIDATION", "")];
    let config = Config::sources().variables(both).load().expect("settings");
    assert_eq!(config.debug.enable_validation, Validation::Strict);
    assert_eq!(config.origin("debug.enable_validation").expect("a setting").to_string(), "VULKIO_VALIDATION");
    let both = [("VULKIO_VALIDATION", "strict"), ("VULKIO_DEBUG_ENABLE_VALIDATION", "false")];
    let config = Config::sources().variables(both).load().expect("settings");
    assert_eq!(config.debug.enable_validation, Validation::Off);
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_no_text_is_refused_by_name() {
    use std::{ffi::OsString, os::unix::ffi::OsStringExt};
    let bytes = OsString::from_vec(b"\xff3".to_vec());
    for name in ["VULKIO_WINDOW_WIDTH", "VULKIO_WINDOW_TITLE"] {
        let error = Config::sources().variables([(name, bytes.clone())]).load().expect_err("no text");
        assert!(error.to_string().starts_with(&format!("{name}: its value is no UTF-8")), "{error}");
    }
}

#[test]
fn what_is_printed_names_every_origin_and_is_read_back_as_the_same() {
    let folder = Folder::new();
    let path = folder.write("config.toml", "[window]\ntitle = 'a \"b\" \\ c'\n\n[graphics]\nmsaa_samples = 4\n");
    let mut config = Config::sources()
        .file(&path)
        .variables([("VULKIO_DEBUG_LOG_LEVEL", "warn")])
        .assign("--set", "window.vsync=off")
        .load()
        .expect("settings");
    config.window.height = 99;
    let printed = config.explain();
    let lines: Vec<_> = printed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let expected = [
        "[window]",
        "width = 1280 # default",
        "height = 99 # the program",
        "title = 'a \"b\" \\ c' # config.toml:2",
        "fullscreen = false # default",
        "vsync = \"off\" # --set",
        "",
        "[performance]",
        "max_frames_in_flight = 2 # default",
        "worker_threads = 0 # default",
        "max_batch = 256 # default",
        "max_batch_delay_us = 200 # default",
        "",
        "[graphics]",
        "msaa_samples = 4 # config.toml:5",
        "anisotropic_filtering = 16 # default",
        "",
        "[debug]",
        "enable_validation = \"off\" # default",
        "checks = \"auto\" # default",
        "log_level = \"warn\" # VULKIO_DEBUG_LOG_LEVEL",
    ];
    let lines: Vec<_> = lines.iter().map(|line| folder.relative(line)).collect();
    assert_eq!(lines, expected);

    let again = load(&printed).expect("it is TOML");
    assert_eq!(
        (again.window, again.performance, again.graphics, again.debug),
        (config.window, config.performance, config.graphics, config.debug)
    );
}

#[test]
fn the_checked_in_file_is_read_as_the_defaults() {
    let text = include_str!("../examples/config.toml");
    assert_eq!(text, Config::commented());
    let (config, defaults) = (load(text).expect("settings"), Config::default());
    assert_eq!(config.window, defaults.window);
    assert_eq!(config.performance, defaults.performance);
    assert_eq!(config.graphics, defaults.graphics);
    assert_eq!(config.debug, defaults.debug);
}

#[test]
fn options_follow_from_settings() {
    let config =
        load("[performance]\nmax_frames_in_flight = 3\n[debug]\nenable_validation = \"strict\"").expect("settings");
    assert_eq!(config.renderer_options().frames_in_flight, 3);
    let filtered = load("[graphics]\nanisotropic_filtering = 4").expect("settings");
    assert_eq!(filtered.sampler_desc(), SamplerDesc::default().anisotropy(4));
    assert!(format!("{:?}", config.gpu_options()).contains("validation: Some(Strict)"));
    // Where nobody spoke, VULKIO_VALIDATION still may, when the device is opened.
    assert!(format!("{:?}", Config::default().gpu_options()).contains("validation: None"));
    let off = load("[debug]\nenable_validation = false").expect("settings");
    assert!(format!("{:?}", off.gpu_options()).contains("validation: Some(Off)"));
}

#[test]
fn how_dispatches_gather_is_left_to_the_device_unless_somebody_says_it() {
    let options = |text| format!("{:?}", load(text).expect("settings").gpu_options());
    assert!(options("").contains("batching: None"), "{}", options(""));
    let said = options("[performance]\nmax_batch = 7\nmax_batch_delay_us = 9");
    assert!(said.contains("max_batch: 7, max_delay: 9µs"), "{said}");
}
