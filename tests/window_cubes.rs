//! `cubes --window` as its user has it: what it shows, resized, minimised, over the whole screen, steered, closed.
#![cfg(all(feature = "window", target_os = "linux"))]

mod display;
mod process;
mod remote;

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use display::{Display, Grab};
use process::Folder;
use remote::{Remote, key};
use serde_json::Value;

const CAMERA: &str = r#"{ "eye": [30.0, 21.0, 39.0], "target": [1.0, 2.0, 3.0], "fov_y": 0.8, "near": 0.25 }"#;
/// The same in a window and off screen.
const SCENE: [&str; 12] = [
    "--scene",
    "block",
    "--count",
    "1000",
    "--lod",
    "off",
    "--camera",
    "camera.json",
    "--size",
    "160x120",
    "--path",
    "compute",
];

/// `cubes --window` on a display.
struct Cubes {
    child: Option<Child>,
    folder: Folder,
    /// What it has logged so far.
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Cubes {
    fn start(display: &Display, args: &[&str]) -> Self {
        let folder = Folder::new();
        fs::write(folder.0.join("camera.json"), CAMERA).expect("a file");
        let mut child = with_display(process::cubes(), display)
            .args(["--window", "--validate", "--stats", "figures.json"])
            .args(args)
            .current_dir(&folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let log: Arc<Mutex<String>> = Arc::default();
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().expect("it is piped"));
        let reader = thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let line = line.expect("it logs text");
                lines.lock().expect("nobody panicked").push_str(&format!("{line}\n"));
            }
        });
        Self { child: Some(child), folder, log, reader: Some(reader) }
    }

    /// Waits for a line that was not there before, and gives what stands in it behind `words`.
    #[track_caller]
    fn says(&self, words: &str, did: impl FnOnce()) -> String {
        let before = self.log.lock().expect("nobody panicked").len();
        did();
        let limit = Instant::now() + Duration::from_secs(60);
        loop {
            let log = self.log.lock().expect("nobody panicked").clone();
            if let Some((_, rest)) = log[before..].split_once(words) {
                return rest.lines().next().unwrap_or_default().to_owned();
            }
            assert!(Instant::now() < limit, "`{words}` is not said: {log}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until it has ended.
    #[track_caller]
    fn wait(&mut self) -> (Output, String) {
        let output = wait(self.child.take().expect("it was started"));
        self.reader.take().expect("it was started").join().expect("it reads");
        (output, self.log.lock().expect("nobody panicked").clone())
    }

    /// Its end, which must be a good one: what it logged, and its figures.
    #[track_caller]
    fn ends(mut self) -> (String, Value) {
        let (output, log) = self.wait();
        assert_eq!(output.status.code(), Some(0), "{log}");
        assert!(!log.contains("ERROR"), "{log}");
        // A machine that has much to do is slow, and winit has something to say about Xvfb.
        let warned =
            |line: &&str| line.contains("WARN") && line.contains("vulkio") && !line.contains("held a worker up");
        assert_eq!(log.lines().find(warned), None, "{log}");
        let text = fs::read_to_string(self.folder.0.join("figures.json")).expect("a file");
        (log, serde_json::from_str(&text).expect("JSON"))
    }
}

impl Drop for Cubes {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn with_display(mut command: Command, display: &Display) -> Command {
    command.env("DISPLAY", display.name()).env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    command
}

/// Kills what does not end, so that the test does.
#[track_caller]
fn wait(mut child: Child) -> Output {
    let limit = Instant::now() + Duration::from_secs(120);
    while child.try_wait().expect("a child").is_none() {
        if Instant::now() > limit {
            let _ = child.kill();
            let output = child.wait_with_output().expect("a child");
            panic!("it does not end: {}", String::from_utf8_lossy(&output.stderr));
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().expect("a child")
}

const TITLE: &str = "vulkio cubes";

/// Whether it shows cubes before a sky.
fn has_cubes(grab: &Grab) -> bool {
    grab.summary().1.len() >= 4
}

/// What the same arguments make off screen.
fn headless(folder: &Folder) -> Grab {
    fs::write(folder.0.join("camera.json"), CAMERA).expect("a file");
    let output = folder.run(&[&SCENE[..], &["--frames", "3", "--validate"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    picture(folder, "cubes.png")
}

fn picture(folder: &Folder, name: &str) -> Grab {
    let file = fs::File::open(folder.0.join(name)).expect("a picture");
    let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("PNG");
    let mut texels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut texels).expect("PNG");
    assert_eq!(info.color_type, png::ColorType::Rgba);
    let rgb = texels.chunks_exact(4).flat_map(|texel| [texel[0], texel[1], texel[2]]).collect();
    Grab { size: [info.width, info.height], rgb }
}

#[test]
fn the_window_shows_the_picture_that_is_made_off_screen() {
    let expected = headless(&Folder::new());
    assert_eq!(expected.size, [160, 120]);
    assert!(has_cubes(&expected));
    let display = Display::start();
    let cubes = Cubes::start(&display, &[&SCENE[..], &["--no-overlay"]].concat());
    let remote = Remote::find(display.name(), TITLE);
    remote.wait_for("shows the picture", |grab| *grab == expected);
    remote.close();
    let (_, figures) = cubes.ends();
    assert_eq!(figures["size"], serde_json::json!([160, 120]));
    assert!(figures["presented"].as_u64().expect("a count") >= 1, "{figures}");
}

#[test]
fn so_many_frames_are_drawn_as_are_asked_for_and_the_last_is_saved() {
    let expected = headless(&Folder::new());
    let display = Display::start();
    let args = ["--no-overlay", "--frames", "7", "--out", "last.png"];
    let mut cubes = Cubes::start(&display, &[&SCENE[..], &args].concat());
    let (output, log) = cubes.wait();
    assert_eq!(output.status.code(), Some(0), "{log}");
    assert!(picture(&cubes.folder, "last.png") == expected);
    let figures = fs::read_to_string(cubes.folder.0.join("figures.json")).expect("a file");
    let figures: Value = serde_json::from_str(&figures).expect("JSON");
    assert_eq!(figures["frames"], 7);
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(table.contains("from frame to frame") && table.contains("swapchains"), "{table}");
}

/// A generator that is good enough to choose sizes.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(most)) as u32
    }
}

#[test]
fn a_hundred_random_sizes_leave_the_right_picture() {
    let expected = headless(&Folder::new());
    let display = Display::start();
    let cubes = Cubes::start(&display, &[&SCENE[..], &["--no-overlay"]].concat());
    let remote = Remote::find(display.name(), TITLE);
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(5);
    println!("SEED={seed}");
    let mut random = Random(seed);
    for round in 0..100 {
        let size = match round % 10 {
            3 => [1, 1],
            6 => [1 + random.below(200), 1],
            _ => [1 + random.below(256), 1 + random.below(256)],
        };
        remote.resize(size);
        // Some follow each other at once, others when a frame or a few were drawn.
        if random.below(3) == 0 {
            thread::sleep(Duration::from_millis(random.below(40).into()));
        }
    }
    remote.resize([160, 120]);
    remote.wait_for("shows the picture", |grab| *grab == expected);
    remote.close();
    let (_, figures) = cubes.ends();
    assert!(figures["swapchains"].as_u64().expect("a count") > 1, "{figures}");
}

/// A window manager, for what takes one.
struct Manager(Child);

impl Manager {
    fn start(display: &Display, folder: &Folder) -> Self {
        let child = with_display(Command::new("openbox"), display)
            .args(["--sm-disable", "--config-file", "/dev/null"])
            .env("HOME", &folder.0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("tests of windows need openbox; `./x test` installs it");
        Self(child)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn minimised_and_over_the_whole_screen_and_back_it_goes_on() {
    let expected = headless(&Folder::new());
    let display = Display::start();
    let home = Folder::new();
    let _manager = Manager::start(&display, &home);
    remote::wait_for_manager(display.name());
    let cubes = Cubes::start(&display, &[&SCENE[..], &["--no-overlay"]].concat());
    let remote = Remote::find(display.name(), TITLE);
    remote.wait_for("shows the picture", |grab| *grab == expected);
    remote.minimise();
    thread::sleep(Duration::from_millis(100));
    remote.restore();
    remote.wait_for("shows the picture again", |grab| *grab == expected);

    remote.cover_screen(true);
    remote.wait_for_size([1024, 768]);
    remote.wait_for("shows cubes over the whole screen", |grab| grab.size == [1024, 768] && has_cubes(grab));
    remote.cover_screen(false);
    remote.wait_for_size([160, 120]);
    remote.wait_for("shows the picture in its window", |grab| *grab == expected);
    // By its own key as well.
    remote.press(key::F11);
    remote.wait_for_size([1024, 768]);
    remote.minimise();
    remote.restore();
    remote.press(key::F11);
    remote.wait_for_size([160, 120]);
    remote.wait_for("shows the picture in its window", |grab| *grab == expected);
    remote.close();
    cubes.ends();
}

#[test]
fn on_demand_nothing_is_drawn_while_nothing_happens() {
    let expected = headless(&Folder::new());
    let display = Display::start();
    let cubes =
        Cubes::start(&display, &[&SCENE[..], &["--no-overlay", "--on-demand", "--set", "window.vsync=off"]].concat());
    let remote = Remote::find(display.name(), TITLE);
    remote.wait_for("shows the picture", |grab| *grab == expected);
    // Long enough for some hundreds if it drew.
    thread::sleep(Duration::from_secs(3));
    remote.press('d'.into());
    remote.wait_for("moves as it is told", |grab| *grab != expected);
    thread::sleep(Duration::from_secs(3));
    remote.close();
    let (_, figures) = cubes.ends();
    let frames = figures["frames"].as_u64().expect("a count");
    println!("{frames} frames");
    assert!((2..60).contains(&frames), "{frames} frames");
}

#[test]
fn keys_and_clicks_do_what_they_say() {
    let display = Display::start();
    let cubes = Cubes::start(&display, &[&SCENE[..], &["--no-overlay"]].concat());
    let remote = Remote::find(display.name(), TITLE);
    let first = remote.wait_for("shows cubes", has_cubes);
    // A block of 10 x 10 x 10 has the camera's target in its middle.
    let id: u32 = cubes.says(" cube ", || remote.click([80, 60])).parse().expect("a number");
    assert!(id < 1000, "{id}");
    assert_eq!(cubes.says("no cube", || remote.click([2, 2])), " there");
    let frozen = cubes.says("frozen: ", || remote.press('f'.into()));
    let count: u32 = frozen.split(' ').next().and_then(|count| count.replace(',', "").parse().ok()).expect(&frozen);
    assert!((1..=1000).contains(&count), "{frozen}");
    remote.wait_for("shows the marks of what is frozen", |grab| *grab != first);
    cubes.says("all cubes again", || remote.press('f'.into()));
    remote.wait_for("shows what it showed", |grab| *grab == first);
    remote.press(key::TAB);
    remote.press('l'.into());
    assert_eq!(cubes.says("loading ", || remote.press('-'.into())), "100 cubes ..");
    let fewer = remote.wait_for("shows fewer cubes", |grab| *grab != first && has_cubes(grab));
    assert_eq!(cubes.says("vsync: ", || remote.press('v'.into())), "relaxed");
    remote.press('h'.into());
    remote.wait_for("shows the keys", |grab| *grab != fewer);
    assert_eq!(cubes.says("saved ", || remote.press(key::F12)), "cubes-1.png");
    assert_eq!(picture(&cubes.folder, "cubes-1.png").size, [160, 120]);
    remote.press(key::ESCAPE);
    let (log, figures) = cubes.ends();
    assert_eq!((&figures["path"], &figures["cubes"]), (&"hardware".into(), &100.into()), "{log}");
}

#[test]
fn ctrl_c_closes_the_window() {
    let display = Display::start();
    let cubes = Cubes::start(&display, &SCENE);
    let remote = Remote::find(display.name(), TITLE);
    remote.wait_for("shows cubes", has_cubes);
    let id = cubes.child.as_ref().expect("it was started").id();
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {id}")]).status().expect("sh").success());
    cubes.ends();
}

#[test]
fn without_a_display_a_window_is_an_error_and_auto_draws_off_screen() {
    let folder = Folder::new();
    let bare = |args: &[&str]| {
        let mut command = process::cubes();
        command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET").env_remove("RUST_LOG");
        command.args(args).args(["--count", "8", "--size", "16x16"]).current_dir(&folder.0).output().expect("it starts")
    };
    let output = bare(&["--window"]);
    assert_eq!(output.status.code(), Some(1));
    let text = process::one_line(&output);
    assert!(text.contains("DISPLAY") && text.contains("without a window"), "{text}");

    let output = bare(&["--window=auto"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.files().contains("cubes.png"));

    // There is said to be one, and it does not answer.
    let mut command = process::cubes();
    command.env("DISPLAY", ":54321").env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET").env_remove("RUST_LOG");
    command.args(["--window=auto", "--count", "8", "--size", "16x16"]).current_dir(&folder.0);
    let output = command.output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("off screen instead"), "{text}");
}
