//! What values a setting takes, whichever source gives them.

use std::{borrow::Cow, fmt};

/// A setting's value as it is checked and printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Flag(bool),
    Number(u32),
    Text(Cow<'static, str>),
}

/// What a source gave.
pub(super) enum Given<'a> {
    Flag(bool),
    Number(i128),
    Text(&'a str),
    /// A float, a date, a list or a table: no setting takes one.
    Other,
}

/// What a setting takes.
pub(super) enum Kind {
    Flag,
    /// Any text of one line.
    Line,
    /// A whole number from `least` to `most`; with `flags`, also what `false` and `true` stand for.
    Number {
        least: u32,
        most: u32,
        flags: Option<[u32; 2]>,
    },
    /// A power of two up to `most`.
    Power {
        most: u32,
    },
    /// One of some words; with `flags`, also what `false` and `true` stand for.
    Word {
        words: fn() -> Vec<&'static str>,
        flags: Option<[&'static str; 2]>,
    },
}

impl Kind {
    /// The value, if it is allowed.
    pub(super) fn accept(&self, given: &Given<'_>) -> Option<Value> {
        match (self, given) {
            (Self::Flag, Given::Flag(flag)) => Some(Value::Flag(*flag)),
            (Self::Line, Given::Text(text)) => {
                (!text.contains(char::is_control)).then(|| Value::Text(Cow::Owned((*text).to_owned())))
            }
            (Self::Number { flags: Some(flags), .. }, Given::Flag(flag)) => {
                Some(Value::Number(flags[usize::from(*flag)]))
            }
            (Self::Number { least, most, .. }, Given::Number(number)) => {
                let number = u32::try_from(*number).ok()?;
                (*least..=*most).contains(&number).then_some(Value::Number(number))
            }
            (Self::Power { most }, Given::Number(number)) => {
                let number = u32::try_from(*number).ok()?;
                (number.is_power_of_two() && number <= *most).then_some(Value::Number(number))
            }
            (Self::Word { flags: Some(flags), .. }, Given::Flag(flag)) => {
                Some(Value::Text(flags[usize::from(*flag)].into()))
            }
            (Self::Word { words, .. }, Given::Text(text)) => {
                words().into_iter().find(|word| word.eq_ignore_ascii_case(text)).map(|word| Value::Text(word.into()))
            }
            _ => None,
        }
    }

    /// As [`accept`](Self::accept), from a source that knows text only: the environment or a command line.
    pub(super) fn parse(&self, text: &str) -> Option<Value> {
        if let Self::Line = self {
            return self.accept(&Given::Text(text));
        }
        let text = text.trim();
        let flag = || match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Some(Given::Flag(true)),
            "false" | "off" | "0" => Some(Given::Flag(false)),
            _ => None,
        };
        let number = || text.parse().ok().map(Given::Number);
        // A word or a number before what a flag stands for: `1` is one sample, and `on` may be a word.
        [Some(Given::Text(text)), number(), flag()].iter().flatten().find_map(|given| self.accept(given))
    }

    /// The values there are, in words.
    pub(super) fn allowed(&self) -> String {
        let or_flags = |flags: bool| if flags { ", true or false" } else { "" };
        match self {
            Self::Flag => "true or false".into(),
            Self::Line => "a text of one line".into(),
            Self::Number { least, most, flags } => {
                format!("a whole number from {least} to {most}{}", or_flags(flags.is_some()))
            }
            Self::Power { most } => {
                let powers = (0..=most.ilog2()).map(|power| (1u32 << power).to_string());
                listed(powers.collect())
            }
            Self::Word { words, flags } => {
                let mut words: Vec<_> = words().into_iter().map(|word| format!("\"{word}\"")).collect();
                if flags.is_some() {
                    words.extend(["true".into(), "false".into()]);
                }
                listed(words)
            }
        }
    }
}

/// `a, b or c`.
fn listed(mut words: Vec<String>) -> String {
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}

impl Value {
    pub(super) fn flag(&self) -> bool {
        matches!(self, Self::Flag(true))
    }

    pub(super) fn number(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Flag(_) | Self::Text(_) => 0,
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Flag(_) | Self::Number(_) => "",
        }
    }
}

/// As TOML.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{}", toml::Value::String(text.clone().into_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_word_goes_before_what_a_flag_stands_for() {
        let filtering = Kind::Number { least: 1, most: 16, flags: Some([1, 16]) };
        for (text, number) in [("1", 1), ("8", 8), ("true", 16), ("OFF", 1), ("on", 16), ("false", 1), (" 2 ", 2)] {
            assert_eq!(filtering.parse(text), Some(Value::Number(number)), "{text}");
        }
        for text in ["0x10", "17", "-1", "", "yes", "0.5", "99999999999999999999999999999999999999999999"] {
            assert_eq!(filtering.parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_allowed_is_said_in_words() {
        assert_eq!(Kind::Power { most: 8 }.allowed(), "1, 2, 4 or 8");
        assert_eq!(Kind::Number { least: 0, most: 9, flags: None }.allowed(), "a whole number from 0 to 9");
        let word = Kind::Word { words: || vec!["a", "b"], flags: Some(["a", "b"]) };
        assert_eq!(word.allowed(), "\"a\", \"b\", true or false");
    }

    #[test]
    fn text_is_printed_so_that_toml_reads_it_back() {
        for text in ["plain", "a \"quoted\" \\ one", "it's", "'''", "ünï"] {
            let printed = Value::Text(text.into()).to_string();
            let table: toml::Table = format!("t = {printed}").parse().expect(text);
            assert_eq!(table["t"].as_str(), Some(text));
        }
    }
}
