//! Instructions a draw (or a dispatch), counted by callgrind: the bench starts itself under it, once with so many draws and once with
//! twice as many, and takes the difference, so that opening the device and compiling the pipeline count for nothing.
//!
//! Counted apart are those in the bench's own executable, which holds vulkio, ash, glam and tokio: what is outside of the
//! driver. What the driver calls of the C library is the driver's.

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
};

use super::Result;

/// Instructions a draw, or whatever was counted.
#[derive(Clone, Copy)]
pub(crate) struct PerDraw {
    pub(crate) ours: f64,
    pub(crate) elsewhere: f64,
}

/// Runs this executable with `option` and a number of draws under valgrind's callgrind.
pub(crate) fn count(option: &str, draws: usize) -> Result<PerDraw> {
    let [few, many] = [draws, 2 * draws].map(|draws| total(option, draws));
    let ([few_ours, few_elsewhere], [many_ours, many_elsewhere]) = (few?, many?);
    let per_draw = |few: u64, many: u64| (many as f64 - few as f64) / draws as f64;
    Ok(PerDraw { ours: per_draw(few_ours, many_ours), elsewhere: per_draw(few_elsewhere, many_elsewhere) })
}

/// Ends the process as it is, destructors and waiting for the device left out: what a wait costs grows with the draws, and
/// is not recording.
pub(crate) fn leave() -> ! {
    #[cfg(unix)]
    {
        unsafe extern "C" {
            fn _exit(status: i32) -> !;
        }
        // SAFETY: the C library's function, which std links; what is not destroyed is the kernel's to take back.
        unsafe { _exit(0) }
    }
    #[cfg(not(unix))]
    process::exit(0)
}

/// Of one run: in this executable, and elsewhere.
fn total(option: &str, draws: usize) -> Result<[u64; 2]> {
    let exe = env::current_exe()?;
    let out = Scratch(env::temp_dir().join(format!("vulkio-record-{}-{draws}.callgrind", process::id())));
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--callgrind-out-file={}", out.0.display()))
        .arg(&exe)
        .args([option, &draws.to_string()])
        .stdout(Stdio::null())
        .status()
        .map_err(|error| format!("valgrind does not start ({error}); it is in the package of that name"))?;
    if !status.success() {
        return Err(format!("`{option} {draws}` failed under valgrind: {status}").into());
    }
    Ok(sums(&fs::read_to_string(&out.0)?, &exe))
}

/// A file that goes when it was read.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in the system's directory for what nobody misses.
        let _ = fs::remove_file(&self.0);
    }
}

/// Adds a callgrind profile up: what is in the object `own`, and the rest. Lines of calls, which include what their
/// callee cost, are left out: that is in the callee's own lines.
fn sums(profile: &str, own: &Path) -> [u64; 2] {
    let own = own.to_string_lossy();
    let (mut names, mut current, mut sums) = (HashMap::new(), 0, [0, 0]);
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(object) = line.strip_prefix("ob=").or_else(|| line.strip_prefix("cob=")) {
            let Some((id, name)) = object_of(object) else { continue };
            if !name.is_empty() {
                names.insert(id, name == own);
            }
            if line.starts_with("ob=") {
                current = id;
            }
        } else if line.starts_with("calls=") {
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            let cost = line.split(' ').nth(1).and_then(|cost| cost.parse::<u64>().ok()).unwrap_or(0);
            sums[usize::from(names.get(&current) != Some(&true))] += cost;
        }
    }
    sums
}

/// `(3) /lib/x.so`, or `(3)` where that was said before.
fn object_of(text: &str) -> Option<(u32, &str)> {
    let (id, name) = text.strip_prefix('(')?.split_once(')')?;
    Some((id.parse().ok()?, name.trim()))
}
