//! Files that are there whole or not at all.

use std::{
    error::Error,
    fmt,
    fs::{self, File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use vulkio::ValidationMessages;

/// Why a run ended, in a line.
#[derive(Debug)]
pub(crate) struct Failure {
    reason: String,
    /// There is no display, or it refused a window.
    #[cfg_attr(not(feature = "window"), allow(dead_code))]
    pub(crate) no_window: bool,
}

impl Failure {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), no_window: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let whole: &(dyn Error + 'static) = &error;
        let no_window = matches!(whole.downcast_ref(), Some(vulkio::Error::Window(_)));
        Self { reason: error.to_string(), no_window }
    }
}

/// A run that the validation layer had something to say about has failed.
pub(crate) fn silent(log: &ValidationMessages) -> Result<(), Failure> {
    match log.messages().first() {
        Some(first) => Err(Failure::new(format!("Vulkan validation, {} messages; the first: {first}", log.count()))),
        None => Ok(()),
    }
}

/// A place for a file, found writable.
pub(crate) struct Output {
    path: PathBuf,
    temporary: PathBuf,
    /// Whether `path` is a file, or to be one; a pipe or a device is written to and not replaced.
    replace: bool,
}

impl Output {
    /// Makes sure, before any work is done, that a file can be written there.
    pub(crate) fn prepare(path: &Path) -> Result<Self, Failure> {
        let fail = |error: &dyn fmt::Display| Failure::new(format!("cannot write `{}`: {error}", path.display()));
        // Through a link, so that its target is replaced and not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let there = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Err(fail(&"it is a folder")),
            Ok(found) => Some(found),
            Err(_) => None,
        };
        if there.is_some() {
            OpenOptions::new().append(true).open(&path).map_err(|error| fail(&error))?;
        }
        let replace = there.is_none_or(|found| found.is_file());
        let mut name = path.file_name().ok_or_else(|| fail(&"it has no file name"))?.to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        // A file's is beside it: renaming is one step only within a file system.
        let temporary = if replace { path.with_file_name(name) } else { std::env::temp_dir().join(name) };
        File::create(&temporary).map_err(|error| fail(&error))?;
        Ok(Self { path, temporary, replace })
    }

    /// The path to show.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where to write.
    pub(crate) fn writing_path(&self) -> &Path {
        &self.temporary
    }

    /// Writes all of the file.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Failure> {
        fs::write(self.writing_path(), bytes)
            .map_err(|error| Failure::new(format!("cannot write `{}`: {error}", self.path.display())))?;
        self.finish()
    }

    /// What was written takes its place.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let done = if self.replace {
            fs::rename(&self.temporary, &self.path)
        } else {
            fs::read(&self.temporary)
                .and_then(|bytes| OpenOptions::new().write(true).open(&self.path)?.write_all(&bytes))
        };
        done.map_err(|error| Failure::new(format!("cannot write `{}`: {error}", self.path.display())))
    }
}

/// A run that failed leaves nothing behind.
impl Drop for Output {
    fn drop(&mut self) {
        // After a rename it is gone already.
        let _ = fs::remove_file(&self.temporary);
    }
}
