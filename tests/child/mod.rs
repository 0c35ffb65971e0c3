//! Tests in processes of their own, whoever runs them: winit has one event loop a process.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::{
    collections::BTreeSet,
    env, fs,
    process::{Command, Output, Stdio},
};

const CHILD: &str = "VULKIO_TEST_CHILD";

/// Runs `body` in a process of its own, with a display or without, and fails as it does; `name` is the test's.
///
/// The process is this test again, told to run the body.
#[track_caller]
pub(crate) fn in_child(name: &str, display: Option<&str>, body: impl FnOnce()) {
    if env::var(CHILD).as_deref() == Ok(name) {
        return body();
    }
    let output = start(name, display);
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success(), "{name}: {}\n{out}\n{err}", output.status);
    assert!(out.contains("1 passed"), "{name} is this test's name: {out}");
    print!("{out}");
}

/// Whether this process is the one that runs a body: then no display is to be started.
pub(crate) fn is_child() -> bool {
    env::var_os(CHILD).is_some()
}

fn start(name: &str, display: Option<&str>) -> Output {
    let mut command = Command::new(env::current_exe().expect("this test's path"));
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]).env(CHILD, name).stdin(Stdio::null());
    command.env_remove("WAYLAND_DISPLAY").env_remove("WAYLAND_SOCKET");
    match display {
        Some(display) => command.env("DISPLAY", display),
        None => command.env_remove("DISPLAY"),
    };
    command.output().expect("it starts")
}

/// Threads of this process, by name.
pub(crate) fn threads() -> BTreeSet<String> {
    let tasks = fs::read_dir("/proc/self/task").expect("a folder");
    let name = |task: std::io::Result<fs::DirEntry>| {
        let name = fs::read_to_string(task.ok()?.path().join("comm")).ok()?;
        Some(name.trim().to_owned())
    };
    tasks.filter_map(name).collect()
}

/// What this process has open, but for the look itself.
pub(crate) fn open_files() -> Vec<String> {
    let files = fs::read_dir("/proc/self/fd").expect("a folder");
    let mut files: Vec<String> = files
        .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
        .map(|target| target.to_string_lossy().into_owned())
        .filter(|target| !target.starts_with("/proc/"))
        .collect();
    files.sort_unstable();
    files
}
