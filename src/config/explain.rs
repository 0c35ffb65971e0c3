//! The settings as text: with their origins, and as the file to begin with.

use std::fmt::Write;

use super::{
    Config,
    schema::{self, Key, SECTIONS},
};

impl Config {
    /// The effective settings as a TOML file that [`ConfigSources::file`](super::ConfigSources::file) would read, with
    /// where each value came from behind it: for a switch like `--print-config`.
    #[must_use]
    pub fn explain(&self) -> String {
        written(|key| {
            let line = format!("{} = {}", key.name, (key.get)(self));
            format!("{line:<31} # {}\n", self.origins.of(key, self))
        })
    }

    /// A TOML file of the defaults, with what each setting means and takes: something to begin with.
    #[must_use]
    pub fn commented() -> String {
        let defaults = Self::default();
        let settings = written(|key| {
            let (name, value) = (key.name, (key.get)(&defaults));
            format!("# {}\n# {}: {}\n{name} = {value}\n", key.doc, key.variable(), key.kind.allowed())
        });
        let head =
            "Settings of a program that uses vulkio. All have these defaults; the environment wins over this file.";
        format!("# {head}\n\n{settings}")
    }
}

/// Every section, its settings written by `line`.
fn written(line: impl Fn(&Key) -> String) -> String {
    let mut text = String::new();
    for (i, section) in SECTIONS.into_iter().enumerate() {
        let blank = if i == 0 { "" } else { "\n" };
        let _ = writeln!(text, "{blank}[{section}]");
        schema::section(section).for_each(|key| text.push_str(&line(key)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of docs/config.md.
    fn table() -> String {
        let mut text = String::from("| setting | default | allowed | what it is |\n| --- | --- | --- | --- |\n");
        for key in schema::KEYS {
            let (path, value, allowed) = (key.path(), (key.get)(&Config::default()), key.kind.allowed());
            let _ = writeln!(text, "| `{path}` | `{value}` | {allowed} | {} |", key.doc);
        }
        text
    }

    #[test]
    fn the_documented_table_is_the_schema() {
        let table = table();
        assert!(include_str!("../../docs/config.md").contains(&table), "docs/config.md must contain:\n{table}");
    }

    #[test]
    fn the_checked_in_file_is_the_commented_defaults() {
        let file = Config::commented();
        assert!(include_str!("../../examples/config.toml") == file, "examples/config.toml must be:\n{file}");
    }
}
