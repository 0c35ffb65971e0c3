//! Settings that are one of a few words.

use tracing::level_filters::LevelFilter;

use crate::gpu::Validation;

/// When a frame is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Vsync {
    /// Each in turn, at the display's pace: no tearing.
    #[default]
    On,
    /// As `On`, but a late frame is shown at once and may tear.
    Relaxed,
    /// The newest at the display's pace: no tearing, frames may be left out.
    Mailbox,
    /// At once: may tear.
    Off,
}

/// A type whose every value has a word.
pub(super) trait Words: Copy + PartialEq + 'static {
    const ALL: &'static [(&'static str, Self)];

    /// The word of a value.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, value)| *value == self).map_or("", |(word, _)| word)
    }

    /// The value of a word.
    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
    }
}

impl Words for Vsync {
    const ALL: &'static [(&'static str, Self)] =
        &[("on", Self::On), ("relaxed", Self::Relaxed), ("mailbox", Self::Mailbox), ("off", Self::Off)];
}

impl Words for Validation {
    const ALL: &'static [(&'static str, Self)] = &[("off", Self::Off), ("on", Self::On), ("strict", Self::Strict)];
}

/// `None`: as the program was built.
impl Words for Option<bool> {
    const ALL: &'static [(&'static str, Self)] = &[("auto", None), ("on", Some(true)), ("off", Some(false))];
}

impl Words for LevelFilter {
    const ALL: &'static [(&'static str, Self)] = &[
        ("off", Self::OFF),
        ("error", Self::ERROR),
        ("warn", Self::WARN),
        ("info", Self::INFO),
        ("debug", Self::DEBUG),
        ("trace", Self::TRACE),
    ];
}
