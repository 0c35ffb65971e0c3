//! What shaders are read from: each file once, and remembered as it was.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Component, Path, PathBuf},
};

use glslang::include::{IncludeHandler, IncludeResult, IncludeType};

/// Files by the name that messages give them, with what was in them; those that were looked for and not there as well.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// What names are relative to: the current folder of when it began.
    base: PathBuf,
    seen: Vec<Seen>,
}

#[derive(Clone, Debug)]
struct Seen {
    name: PathBuf,
    /// `Err`: why there is none.
    text: Result<String, String>,
}

impl Files {
    /// None yet. A current folder that is gone makes them all unreadable, which messages say.
    pub(super) fn here() -> Self {
        Self { base: env::current_dir().unwrap_or_default(), seen: Vec::new() }
    }

    /// The same place, with nothing read yet.
    pub(super) fn anew(&self) -> Self {
        Self { base: self.base.clone(), seen: Vec::new() }
    }

    /// Has the text of a file, which is not read then.
    pub(super) fn put(&mut self, name: &Path, text: &str) {
        self.seen.push(Seen { name: name.to_owned(), text: checked(text.as_bytes().to_vec()) });
    }

    /// The text of a file, or why it has none.
    pub(super) fn read(&mut self, name: &Path) -> Result<String, String> {
        if let Some(seen) = self.seen.iter().find(|seen| seen.name == name) {
            return seen.text.clone();
        }
        let text = self.text_now(name);
        self.seen.push(Seen { name: name.to_owned(), text: text.clone() });
        text
    }

    /// Whether a file is not any more what it was when it was read.
    pub(super) fn changed(&self) -> bool {
        self.seen.iter().any(|seen| self.text_now(&seen.name) != seen.text)
    }

    /// The names of those that are there.
    pub(super) fn found(&self) -> Vec<PathBuf> {
        self.seen.iter().filter(|seen| seen.text.is_ok()).map(|seen| seen.name.clone()).collect()
    }

    /// The folders to watch for changes of these files: their own, or for those that are not there the nearest that is. A
    /// file that is a link changes where it is and where it points to.
    pub(super) fn folders(&self) -> BTreeSet<PathBuf> {
        let paths = self.seen.iter().flat_map(|seen| {
            let path = self.base.join(&seen.name);
            [fs::canonicalize(&path).ok(), Some(path)]
        });
        let folder = |path: PathBuf| path.ancestors().skip(1).find(|folder| folder.is_dir()).map(Path::to_owned);
        // Two names of one folder are watched once: the system knows it by one.
        let canonical = |folder: PathBuf| fs::canonicalize(&folder).unwrap_or(folder);
        paths.flatten().filter_map(folder).map(canonical).collect()
    }

    fn text_now(&self, name: &Path) -> Result<String, String> {
        fs::read(self.base.join(name)).map_err(|error| error.to_string()).and_then(checked)
    }
}

/// Text that the compiler takes.
fn checked(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned())?;
    if text.contains('\0') { Err("it contains a NUL byte".to_owned()) } else { Ok(text) }
}

/// Files may include each other so deep.
const DEEPEST: usize = 64;

/// Finds `#include`s beside the file that includes, then beside the shader.
pub(super) struct Includes<'a> {
    pub(super) main: &'a Path,
    pub(super) files: &'a mut Files,
}

impl IncludeHandler for Includes<'_> {
    fn include(&mut self, _: IncludeType, header: &str, includer: &str, depth: usize) -> Option<IncludeResult> {
        if depth > DEEPEST {
            // glslang would go on until there is no memory left.
            let data = format!("#error includes are more than {DEEPEST} deep; does a file include itself?\n");
            return Some(IncludeResult { name: includer.to_owned(), data });
        }
        // An included file is named by its path, so that messages point at it; the shader itself has no name.
        let includer = if includer.is_empty() { self.main } else { Path::new(includer) };
        [includer, self.main].into_iter().find_map(|file| {
            let path = clean(&file.parent()?.join(header));
            let data = self.files.read(&path).ok()?;
            Some(IncludeResult { name: path.to_str()?.to_owned(), data })
        })
    }
}

/// The path without `.` and without folders that are left again, by name alone.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            part => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_loses_what_leads_nowhere_and_nothing_else() {
        for (path, expected) in [
            ("a/./b/../c", "a/c"),
            ("../a", "../a"),
            ("../../a/../b", "../../b"),
            ("/a/../../b", "/../b"),
            ("a/..", ""),
        ] {
            assert_eq!(clean(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
