//! The folder of sources against the folder of compiled files.

use std::{
    collections::BTreeSet,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::compile;

/// `shaders/` and `shaders/spv/`.
pub(crate) struct Tree {
    sources: PathBuf,
    compiled: PathBuf,
}

/// A compiled file that is not what it should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The compiled file's name, `cull.comp.spv`.
    name: String,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Not there; the bytes it should have.
    Missing(Vec<u8>),
    /// Other bytes than its source compiles to; the bytes it should have.
    Stale(Vec<u8>),
    /// It has no source.
    Orphaned,
}

impl Tree {
    pub(crate) fn new(sources: PathBuf) -> Self {
        let compiled = sources.join("spv");
        Self { sources, compiled }
    }

    /// Compiles every source and lists what differs, by name. Every source's errors come together.
    pub(crate) fn compare(&self) -> Result<Vec<Finding>, String> {
        let mut findings = Vec::new();
        let mut errors = Vec::new();
        let mut orphans = names(&self.compiled)?;
        for source in names(&self.sources)? {
            let Some(stage) = compile::stage(Path::new(&source)) else { continue };
            let name = format!("{source}.spv");
            orphans.remove(&name);
            match compile::compile(&self.sources, &source, stage) {
                Ok(fresh) => findings.extend(self.judge(name, fresh)?),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors.join("\n"));
        }
        // Other files may lie beside the compiled ones; only what this tool wrote is its business.
        let orphans = orphans.into_iter().filter(|name| name.ends_with(".spv"));
        findings.extend(orphans.map(|name| Finding { name, state: State::Orphaned }));
        findings.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(findings)
    }

    fn judge(&self, name: String, fresh: Vec<u8>) -> Result<Option<Finding>, String> {
        let path = self.compiled.join(&name);
        let state = match fs::read(&path) {
            Ok(bytes) if bytes == fresh => return Ok(None),
            Ok(_) => State::Stale(fresh),
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::Missing(fresh),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        Ok(Some(Finding { name, state }))
    }

    /// Makes the compiled file what it should be.
    pub(crate) fn mend(&self, finding: &Finding) -> Result<(), String> {
        let path = self.compiled.join(&finding.name);
        match &finding.state {
            State::Missing(fresh) | State::Stale(fresh) => {
                fs::create_dir_all(&self.compiled).and_then(|()| fs::write(&path, fresh))
            }
            State::Orphaned => fs::remove_file(&path),
        }
        .map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// The names of the files in a folder; none if there is no folder.
fn names(folder: &Path) -> Result<BTreeSet<String>, String> {
    let fail = |error: io::Error| format!("{}: {error}", folder.display());
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.ends_with("spv") => return Ok(BTreeSet::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_file() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

impl Finding {
    /// What is wrong, for `--check`.
    pub(crate) fn problem(&self) -> String {
        let what = match self.state {
            State::Missing(_) => "missing: its source was never compiled",
            State::Stale(_) => "stale: its source or an include file changed",
            State::Orphaned => "orphaned: it has no source",
        };
        format!("shaders/spv/{} is {what}", self.name)
    }
}

/// What was done about it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, bytes) = match &self.state {
            State::Missing(fresh) => ("new", Some(fresh.len())),
            State::Stale(fresh) => ("changed", Some(fresh.len())),
            State::Orphaned => ("removed", None),
        };
        write!(f, "{verb:8} shaders/spv/{}", self.name)?;
        bytes.map_or(Ok(()), |bytes| write!(f, " ({bytes} bytes)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::tempdir::Folder;

    const SOURCE: &str = "#version 460\nlayout(local_size_x = 1) in;\nvoid main() {}\n";

    #[test]
    fn missing_stale_and_orphaned_files_are_named_and_mended() {
        let folder = Folder::new();
        let tree = Tree::new(folder.path().to_owned());
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("a file");
        fs::create_dir(folder.path().join("spv")).expect("a folder");
        write("missing.comp", SOURCE);
        write("stale.comp", SOURCE);
        write("notes.txt", "not a shader");
        write("spv/stale.comp.spv", "old");
        write("spv/orphan.vert.spv", "left over");

        let findings = tree.compare().expect("it compiles");
        let problems: Vec<String> = findings.iter().map(Finding::problem).collect();
        let starts = [
            "shaders/spv/missing.comp.spv is missing",
            "shaders/spv/orphan.vert.spv is orphaned",
            "shaders/spv/stale.comp.spv is stale",
        ];
        assert_eq!(problems.len(), starts.len(), "{problems:?}");
        assert!(problems.iter().zip(starts).all(|(problem, start)| problem.starts_with(start)), "{problems:?}");

        for finding in &findings {
            tree.mend(finding).expect("the folder can be written");
        }
        assert_eq!(tree.compare(), Ok(Vec::new()));
    }

    #[test]
    fn every_source_that_does_not_compile_is_reported() {
        let folder = Folder::new();
        for name in ["a.comp", "b.vert"] {
            fs::write(folder.path().join(name), "#version 460\nnonsense").expect("a file");
        }
        let error = Tree::new(folder.path().to_owned()).compare().expect_err("neither compiles");
        assert!(error.contains("a.comp:2: ") && error.contains("b.vert:2: "), "{error}");
    }
}
