//! Where each value came from.

use std::fmt;

use super::{
    Config,
    kind::Value,
    schema::{self, Key},
};

/// Where a setting's value came from. As text, what stands behind it in [`Config::explain`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nobody said anything.
    #[default]
    Default,
    /// A line of a file, from 1.
    File {
        /// The file, as it was named.
        path: String,
        /// The line.
        line: usize,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The command line.
    Switch {
        /// The switch, as it was named.
        switch: String,
    },
    /// The program set the field after loading.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{path}:{line}"),
            Self::Environment { variable: name } | Self::Switch { switch: name } => f.write_str(name),
            Self::Program => f.write_str("the program"),
        }
    }
}

/// What was loaded for each setting, in the order of the schema; nothing for those that nobody set.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins(Vec<Option<(Value, Origin)>>);

impl Origins {
    pub(super) fn note(&mut self, key: &Key, value: Value, origin: Origin) {
        let position = schema::position(key);
        if self.0.len() <= position {
            self.0.resize(position + 1, None);
        }
        self.0[position] = Some((value, origin));
    }

    /// Where the value that `config` has now came from.
    pub(super) fn of(&self, key: &Key, config: &Config) -> Origin {
        let now = (key.get)(config);
        match self.0.get(schema::position(key)).and_then(Option::as_ref) {
            Some((loaded, origin)) if *loaded == now => origin.clone(),
            None if now == (key.get)(&Config::default()) => Origin::Default,
            _ => Origin::Program,
        }
    }
}
