//! What just happened, in a line that stays for a while.

use std::time::{Duration, Instant};

/// How long a message stays.
const STAYS: Duration = Duration::from_secs(6);
const MOST: usize = 4;

/// The last messages.
#[derive(Default)]
pub(crate) struct Messages(Vec<(Instant, String)>);

impl Messages {
    /// Shows a message, and logs it.
    pub(crate) fn say(&mut self, message: impl Into<String>) {
        let message = message.into();
        tracing::info!("{message}");
        if self.0.len() == MOST {
            self.0.remove(0);
        }
        self.0.push((Instant::now(), message));
    }

    /// Those that are to be seen now.
    pub(crate) fn shown(&mut self) -> Vec<String> {
        self.0.retain(|(said, _)| said.elapsed() < STAYS);
        self.0.iter().map(|(_, message)| message.clone()).collect()
    }

    /// When the next goes.
    pub(crate) fn next_change(&self) -> Option<Instant> {
        self.0.iter().map(|(said, _)| *said + STAYS).min()
    }
}
