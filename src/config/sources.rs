//! Where settings come from, and which source wins.

use std::{env, ffi::OsString, fs, io, path::PathBuf, sync::Arc};

use super::{
    Config,
    file::{self, File, Setting},
    origin::Origin,
    schema::{self, Key},
};
use crate::error::{Error, Result};

/// Where settings come from. Whatever the order in which they are named here: a file wins over the defaults, the
/// environment over a file, the command line over the environment, and of two switches the later one.
///
/// ```
/// use vulkio::config::{Config, Vsync};
///
/// # fn main() -> vulkio::Result<()> {
/// let config = Config::sources()
///     .variables([("VULKIO_WINDOW_VSYNC", "mailbox")])
///     .set("--title", "window.title", "a window")
///     .load()?;
/// assert_eq!(config.window.vsync, Vsync::Mailbox);
/// assert_eq!(config.origin("window.title").unwrap().to_string(), "--title");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "`load` reads them"]
pub struct ConfigSources {
    file: Option<ConfigFile>,
    environment: bool,
    variables: Vec<(OsString, OsString)>,
    switches: Vec<Switch>,
}

#[derive(Clone, Debug)]
struct ConfigFile {
    path: PathBuf,
    must_exist: bool,
}

/// `--set window.width=800`, or `--width 800`.
#[derive(Clone, Debug)]
struct Switch {
    name: String,
    /// `None`: the value is `key=value`.
    key: Option<String>,
    value: String,
}

impl ConfigSources {
    /// Reads this file, which must be there. It takes the place of one named before.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(ConfigFile { path: path.into(), must_exist: true });
        self
    }

    /// Reads this file if it is there. It takes the place of one named before.
    pub fn file_if_there(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(ConfigFile { path: path.into(), must_exist: false });
        self
    }

    /// Reads the environment of the process: `VULKIO_WINDOW_WIDTH` and its like. An empty variable counts as not set;
    /// one that is named like a setting and is none is an error.
    pub fn environment(mut self) -> Self {
        self.environment = true;
        self
    }

    /// Reads these variables as well, which win over those of the process.
    pub fn variables<N, V>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        self.variables.extend(variables.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Takes `key=value`, as `window.width=800`, that a switch of the command line gave. `switch` is its name, for
    /// messages: `--set`.
    pub fn assign(mut self, switch: &str, assignment: &str) -> Self {
        self.switches.push(Switch { name: switch.to_owned(), key: None, value: assignment.to_owned() });
        self
    }

    /// Takes the value of a setting that a switch of its own gave: `.set("--vsync", "window.vsync", "off")`.
    pub fn set(mut self, switch: &str, key: &str, value: &str) -> Self {
        self.switches.push(Switch { name: switch.to_owned(), key: Some(key.to_owned()), value: value.to_owned() });
        self
    }

    /// Reads them all, on the calling thread.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that names every mistake, where it is and what is allowed; [`Error::Io`] if the file cannot be
    /// read, or is not there and must be.
    pub fn load(self) -> Result<Config> {
        let mut mistakes = Vec::new();
        let mut settings = self.read_file(&mut mistakes)?;
        settings.extend(self.read_environment(&mut mistakes));
        settings.extend(self.read_switches(&mut mistakes));
        if !mistakes.is_empty() {
            return Err(Error::Config(mistakes.join("\n")));
        }
        let mut config = Config::default();
        for (key, value, origin) in settings {
            (key.set)(&mut config, &value);
            config.origins.note(key, value, origin);
        }
        Ok(config)
    }

    fn read_file(&self, mistakes: &mut Vec<String>) -> Result<Vec<Setting>> {
        let Some(ConfigFile { path, must_exist }) = &self.file else { return Ok(Vec::new()) };
        let shown = path.display().to_string();
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => return Ok(Vec::new()),
            Err(error) => return Err(Error::Io { path: shown, source: Arc::new(error) }),
        };
        let text = match str::from_utf8(&bytes) {
            Ok(text) => text,
            Err(error) => {
                let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
                mistakes.push(format!("{shown}:{line}:1: this line is no UTF-8; save the file as UTF-8"));
                return Ok(Vec::new());
            }
        };
        Ok(File { path: &shown, text }.read(mistakes))
    }

    fn read_environment(&self, mistakes: &mut Vec<String>) -> Vec<Setting> {
        let mut variables: Vec<(OsString, OsString)> = Vec::new();
        if self.environment {
            variables.extend(env::vars_os());
        }
        variables.extend(self.variables.iter().cloned());
        let last = |name: &str| variables.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
        let mut settings = Vec::new();
        for key in schema::KEYS {
            let names = [Some(key.variable()), key.alias.map(str::to_owned)].into_iter().flatten();
            let said = names.filter_map(|name| last(&name).map(|value| (name, value)));
            let Some((name, value)) = said.into_iter().find(|(_, value)| !value.to_string_lossy().trim().is_empty())
            else {
                continue;
            };
            let Some(value) = value.to_str() else {
                mistakes.push(format!("{name}: its value is no UTF-8; allowed: {}", key.kind.allowed()));
                continue;
            };
            if let Some(value) = given_as_text(key, &name, &name, value, mistakes) {
                settings.push((key, value, Origin::Environment { variable: name }));
            }
        }
        let mut unknown: Vec<_> =
            variables.iter().filter_map(|(name, _)| name.to_str()).filter(|name| is_unknown(name)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        mistakes.extend(unknown.into_iter().map(no_variable));
        settings
    }

    fn read_switches(&self, mistakes: &mut Vec<String>) -> Vec<Setting> {
        let mut settings = Vec::new();
        for Switch { name, key, value } in &self.switches {
            let (path, value) = match key {
                Some(key) => (key.as_str(), value.as_str()),
                None => match value.split_once('=') {
                    Some((path, value)) => (path.trim(), value),
                    None => {
                        let how = "write it as `key=value`, as `window.width=800`";
                        mistakes.push(format!("{name}: `{value}` sets nothing; {how}"));
                        continue;
                    }
                },
            };
            let Some(key) = schema::find(path) else {
                mistakes.push(format!("{name}: {}", no_path(path)));
                continue;
            };
            let origin = Origin::Switch { switch: name.clone() };
            settings.extend(
                given_as_text(key, name, &key.path(), value, mistakes).map(|value| (key, value, origin.clone())),
            );
        }
        settings
    }
}

/// The value of a setting whose source knows text only; a mistake names `place`, and calls the setting `named`.
fn given_as_text(
    key: &Key,
    place: &str,
    named: &str,
    text: &str,
    mistakes: &mut Vec<String>,
) -> Option<super::kind::Value> {
    let value = key.kind.parse(text);
    if value.is_none() {
        let named = if place == named { "it" } else { named };
        mistakes.push(format!("{place}: {}", file::refused(named, text, key)));
    }
    value
}

/// Whether a variable is named like a setting and is none.
fn is_unknown(variable: &str) -> bool {
    schema::claims(variable) && !schema::KEYS.iter().any(|key| key.variable() == variable)
}

fn no_variable(variable: &str) -> String {
    let hint = schema::nearest(variable, schema::KEYS.iter().map(Key::variable))
        .map_or_else(|| "docs/config.md lists them".to_owned(), |near| format!("did you mean {near}?"));
    format!("{variable}: no setting has this name; {hint}")
}

fn no_path(path: &str) -> String {
    let near = schema::KEYS
        .iter()
        .find(|key| key.name == path)
        .map(Key::path)
        .or_else(|| schema::nearest(path, schema::KEYS.iter().map(Key::path)));
    let hint = near.map_or_else(
        || format!("there are: {}", schema::KEYS.iter().map(Key::path).collect::<Vec<_>>().join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    format!("no setting `{path}`; {hint}")
}
