//! Settings out of a TOML file, each with its line.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    kind::{Given, Value},
    origin::Origin,
    schema::{self, Key, SECTIONS},
};

/// A file's name and text.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) text: &'a str,
}

/// A setting that a source gives.
pub(super) type Setting = (&'static Key, Value, Origin);

impl File<'_> {
    /// Its settings; what is wrong with it goes to `mistakes`, a line each.
    pub(super) fn read(&self, mistakes: &mut Vec<String>) -> Vec<Setting> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        if !errors.is_empty() {
            // What the parser makes of the rest may be wrong as well.
            mistakes.extend(errors.iter().map(|error| self.syntax(error)));
            return Vec::new();
        }
        let mut settings = Vec::new();
        for (name, value) in in_order(table.get_ref()) {
            match (SECTIONS.contains(&name.get_ref().as_ref()), value.get_ref()) {
                (true, DeValue::Table(section)) => self.section(name.get_ref(), section, &mut settings, mistakes),
                (true, _) => {
                    let what = format!("`{0}` is a section; write `[{0}]` and its settings below", name.get_ref());
                    mistakes.push(self.mistake(name.span(), &what));
                }
                (false, value) => mistakes.push(self.mistake(name.span(), &no_section(name.get_ref(), value))),
            }
        }
        settings
    }

    fn section(&self, section: &str, table: &DeTable<'_>, settings: &mut Vec<Setting>, mistakes: &mut Vec<String>) {
        for (name, value) in in_order(table) {
            let Some(key) = schema::section(section).find(|key| key.name == name.get_ref()) else {
                mistakes.push(self.mistake(name.span(), &no_key(section, name.get_ref())));
                continue;
            };
            match key.kind.accept(&given(value.get_ref())) {
                Some(value) => {
                    let (line, _) = self.place(name.span().start);
                    settings.push((key, value, Origin::File { path: self.path.to_owned(), line }));
                }
                None => {
                    let said = self.text.get(value.span()).unwrap_or_default();
                    let what = refused(&key.path(), said, key);
                    mistakes.push(self.mistake(value.span(), &what));
                }
            }
        }
    }

    /// What the parser says; where something stands twice, it does not say what.
    fn syntax(&self, error: &toml::de::Error) -> String {
        let span = error.span().unwrap_or(0..0);
        match self.text.get(span.clone()) {
            Some(name) if error.message() == "duplicate key" && !name.is_empty() => {
                self.mistake(span, &format!("`{name}` stands here for the second time; leave one of them out"))
            }
            _ => self.mistake(span, error.message()),
        }
    }

    fn mistake(&self, span: Range<usize>, what: &str) -> String {
        let (line, column) = self.place(span.start);
        format!("{}:{line}:{column}: {what}", self.path)
    }

    /// Line and column of a byte, from 1; columns are characters.
    fn place(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        (line, before[start..].chars().count() + 1)
    }
}

/// A value that a setting does not take.
pub(super) fn refused(named: &str, said: &str, key: &Key) -> String {
    const MOST: usize = 60;
    let first = said.lines().next().unwrap_or_default();
    let short: String = first.chars().take(MOST).collect();
    let more = if short.len() < said.len() { ".." } else { "" };
    format!("{named} cannot be `{short}{more}`; allowed: {}", key.kind.allowed())
}

/// A setting that its section has not.
pub(super) fn no_key(section: &str, name: &str) -> String {
    let names = || schema::section(section).map(|key| key.name);
    let hint = if let Some(other) = schema::KEYS.iter().find(|key| key.name == name) {
        format!("it belongs in [{}]", other.section)
    } else if let Some(near) = schema::nearest(name, names()) {
        format!("did you mean `{near}`?")
    } else {
        format!("there are: {}", names().collect::<Vec<_>>().join(", "))
    };
    format!("no setting `{name}` in [{section}]; {hint}")
}

/// A section, or a setting outside of one, that there is not.
fn no_section(name: &str, value: &DeValue<'_>) -> String {
    let of = schema::KEYS.iter().find(|key| key.name == name);
    match (of, value) {
        (Some(key), _) => format!("`{name}` belongs in the section [{}]; write that above it", key.section),
        (None, DeValue::Table(_)) => {
            let near = schema::nearest(name, SECTIONS.into_iter());
            let hint = near.map_or_else(
                || format!("there are: [{}]", SECTIONS.join("], [")),
                |near| format!("did you mean [{near}]?"),
            );
            format!("no section [{name}]; {hint}")
        }
        (None, _) => {
            let near = schema::nearest(name, schema::KEYS.iter().map(|key| key.name)).and_then(|near| {
                schema::KEYS.iter().find(|key| key.name == near).map(|key| format!("did you mean `{}`?", key.path()))
            });
            let hint = near.unwrap_or_else(|| format!("settings are in [{}]", SECTIONS.join("], [")));
            format!("no setting `{name}`; {hint}")
        }
    }
}

/// The entries as they stand in the file: mistakes are told from top to bottom.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(&'t Spanned<toml::de::DeString<'i>>, &'t Spanned<DeValue<'i>>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

fn given<'v>(value: &'v DeValue<'_>) -> Given<'v> {
    match value {
        DeValue::Boolean(flag) => Given::Flag(*flag),
        DeValue::String(text) => Given::Text(text),
        DeValue::Integer(number) => {
            i128::from_str_radix(number.as_str(), number.radix()).map_or(Given::Other, Given::Number)
        }
        _ => Given::Other,
    }
}
