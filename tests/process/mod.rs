//! Examples run as processes.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::Value;

pub(crate) fn cubes() -> Command {
    example("cubes")
}

/// The built example, beside this test: `target/PROFILE/deps/cli-…` and `target/PROFILE/examples/…`.
pub(crate) fn example(name: &str) -> Command {
    let test = env::current_exe().expect("this test's path");
    let profile = test.parent().and_then(Path::parent).expect("target/PROFILE/deps");
    let path = profile.join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is missing: `cargo build --example {name}`", path.display());
    Command::new(path)
}

/// A folder that goes with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("vulkio-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        cubes().args(args).current_dir(&self.0).output().expect("it starts")
    }

    /// The table of a run that succeeds, and its figures.
    #[track_caller]
    pub(crate) fn succeeds(&self, args: &[&str]) -> (String, Value) {
        let output = self.run(&[args, &["--stats", "figures.json"]].concat());
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let text = fs::read_to_string(self.0.join("figures.json")).expect("a file");
        (String::from_utf8(output.stdout).expect("text"), serde_json::from_str(&text).expect("JSON"))
    }

    /// Names of all there is, those half-written included.
    pub(crate) fn files(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(&self.0).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What it said on stderr, which must be one line of its own and no panic.
#[track_caller]
pub(crate) fn one_line(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("cubes: ") && !text.contains("panicked"), "{text}");
    assert!(output.stdout.is_empty(), "a table after a failure");
    text
}

#[track_caller]
pub(crate) fn fails(folder: &Folder, args: &[&str], code: i32) -> String {
    let output = folder.run(args);
    let text = one_line(&output);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
    assert_eq!(folder.files(), BTreeSet::new(), "{args:?} left something behind");
    text
}
