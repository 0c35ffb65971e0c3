//! The table of settings. Parsing, checks, names of environment variables, what is printed and the documentation follow
//! from it.

use super::{
    Config,
    kind::{Kind, Value},
    words::{Vsync, Words},
};
use crate::gpu::Validation;
use tracing::level_filters::LevelFilter;

/// One setting.
pub(super) struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    /// An environment variable that was there before the others; the one named for the key wins over it.
    pub(super) alias: Option<&'static str>,
    pub(super) kind: Kind,
    /// One line for the documentation and the commented file.
    pub(super) doc: &'static str,
    pub(super) get: fn(&Config) -> Value,
    /// Takes what `kind` accepted.
    pub(super) set: fn(&mut Config, &Value),
}

/// The sections, in the order in which they are printed.
pub(super) const SECTIONS: [&str; 4] = ["window", "performance", "graphics", "debug"];

/// What begins the name of every environment variable.
const PREFIX: &str = "VULKIO";

pub(super) static KEYS: &[Key] = &[
    Key {
        section: "window",
        name: "width",
        alias: None,
        kind: Kind::Number { least: 1, most: 16384, flags: None },
        doc: "width of the inside when it opens, in pixels",
        get: |config| Value::Number(config.window.width),
        set: |config, value| config.window.width = value.number(),
    },
    Key {
        section: "window",
        name: "height",
        alias: None,
        kind: Kind::Number { least: 1, most: 16384, flags: None },
        doc: "height of the inside when it opens, in pixels",
        get: |config| Value::Number(config.window.height),
        set: |config, value| config.window.height = value.number(),
    },
    Key {
        section: "window",
        name: "title",
        alias: None,
        kind: Kind::Line,
        doc: "what the title bar says",
        get: |config| Value::Text(config.window.title.clone().into()),
        set: |config, value| config.window.title = value.text().to_owned(),
    },
    Key {
        section: "window",
        name: "fullscreen",
        alias: None,
        kind: Kind::Flag,
        doc: "whether it covers the screen when it opens",
        get: |config| Value::Flag(config.window.fullscreen),
        set: |config, value| config.window.fullscreen = value.flag(),
    },
    Key {
        section: "window",
        name: "vsync",
        alias: None,
        kind: Kind::Word { words: words::<Vsync>, flags: Some(["off", "on"]) },
        doc: "when frames are shown: at the display's pace (relaxed: a late one at once; mailbox: the newest only), or at once",
        get: |config| Value::Text(config.window.vsync.word().into()),
        set: |config, value| config.window.vsync = Vsync::of(value.text()).unwrap_or_default(),
    },
    Key {
        section: "performance",
        name: "max_frames_in_flight",
        alias: None,
        kind: Kind::Number { least: 1, most: 16, flags: None },
        doc: "frames on their way at once; fewer react sooner, more keep the GPU busy",
        get: |config| Value::Number(config.performance.max_frames_in_flight),
        set: |config, value| config.performance.max_frames_in_flight = value.number(),
    },
    Key {
        section: "performance",
        name: "worker_threads",
        alias: None,
        kind: Kind::Number { least: 0, most: 1024, flags: None },
        doc: "worker threads of the tokio runtime; 0 means one fewer than there are cores",
        get: |config| Value::Number(config.performance.worker_threads),
        set: |config, value| config.performance.worker_threads = value.number(),
    },
    Key {
        section: "performance",
        name: "max_batch",
        alias: None,
        kind: Kind::Number { least: 1, most: 65536, flags: None },
        doc: "dispatches of kernels that gather at most, while the GPU is busy, before they are submitted",
        get: |config| Value::Number(config.performance.max_batch),
        set: |config, value| config.performance.max_batch = value.number(),
    },
    Key {
        section: "performance",
        name: "max_batch_delay_us",
        alias: None,
        kind: Kind::Number { least: 0, most: 1_000_000, flags: None },
        doc: "the longest that a dispatch waits for work before it to complete, in microseconds",
        get: |config| Value::Number(config.performance.max_batch_delay_us),
        set: |config, value| config.performance.max_batch_delay_us = value.number(),
    },
    Key {
        section: "graphics",
        name: "msaa_samples",
        alias: None,
        kind: Kind::Power { most: 8 },
        doc: "samples a pixel, or as many as the device has if those are fewer",
        get: |config| Value::Number(config.graphics.msaa_samples),
        set: |config, value| config.graphics.msaa_samples = value.number(),
    },
    Key {
        section: "graphics",
        name: "anisotropic_filtering",
        alias: None,
        kind: Kind::Number { least: 1, most: 16, flags: Some([1, 16]) },
        doc: "samples along the longer side of a pixel's footprint in a texture, or as many as the device has; false is 1 (off), true is 16",
        get: |config| Value::Number(config.graphics.anisotropic_filtering),
        set: |config, value| config.graphics.anisotropic_filtering = value.number(),
    },
    Key {
        section: "debug",
        name: "enable_validation",
        alias: Some("VULKIO_VALIDATION"),
        kind: Kind::Word { words: words::<Validation>, flags: Some(["off", "on"]) },
        doc: "how closely Vulkan's validation layer watches; strict: what it says fails the call that notices",
        get: |config| Value::Text(config.debug.enable_validation.word().into()),
        set: |config, value| config.debug.enable_validation = Validation::of(value.text()).unwrap_or_default(),
    },
    Key {
        section: "debug",
        name: "checks",
        alias: Some("VULKIO_CHECKS"),
        kind: Kind::Word { words: words::<Option<bool>>, flags: Some(["off", "on"]) },
        doc: "whether what shaders touch is compared with what passes declare; auto: in debug builds",
        get: |config| Value::Text(config.debug.checks.word().into()),
        set: |config, value| config.debug.checks = Words::of(value.text()).unwrap_or_default(),
    },
    Key {
        section: "debug",
        name: "log_level",
        alias: None,
        kind: Kind::Word { words: words::<LevelFilter>, flags: None },
        doc: "what is logged, with all that is worse",
        get: |config| Value::Text(config.debug.log_level.word().into()),
        set: |config, value| config.debug.log_level = LevelFilter::of(value.text()).unwrap_or(LevelFilter::INFO),
    },
];

fn words<W: Words>() -> Vec<&'static str> {
    W::ALL.iter().map(|(word, _)| *word).collect()
}

impl Key {
    /// `window.width`
    pub(super) fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// `VULKIO_WINDOW_WIDTH`
    pub(super) fn variable(&self) -> String {
        format!("{PREFIX}_{}_{}", self.section, self.name).to_ascii_uppercase()
    }
}

/// The setting of a path such as `window.width`.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| path.split_once('.') == Some((key.section, key.name)))
}

/// Where the setting is in the table: what is kept for each is kept in this order.
pub(super) fn position(key: &Key) -> usize {
    KEYS.iter().position(|known| std::ptr::eq(known, key)).unwrap_or(KEYS.len())
}

/// The settings of a section.
pub(super) fn section(name: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == name)
}

/// Whether a variable's name claims to be a setting's: then it must be one.
pub(super) fn claims(variable: &str) -> bool {
    SECTIONS.iter().any(|section| variable.starts_with(&format!("{PREFIX}_{}_", section.to_ascii_uppercase())))
}

/// What `name` may have been meant to be: words for the end of a message.
pub(super) fn nearest<S: AsRef<str>>(name: &str, known: impl Iterator<Item = S>) -> Option<String> {
    let near = known.map(|word| (strsim::normalized_damerau_levenshtein(name, word.as_ref()), word));
    let best = near.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 > 0.6).then(|| best.1.as_ref().to_owned())
}
