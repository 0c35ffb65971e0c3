//! Where the upload thread finds its work, and sleeps while there is none.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

use super::request::Ticket;
use crate::{
    error::{Error, Result},
    sync::{Completion, prim::lock},
};

/// What has come since the thread last looked.
#[derive(Default)]
pub(super) struct Mail {
    pub(super) tickets: Vec<Ticket>,
    pub(super) news: Vec<News>,
    /// There is nothing to be done any more.
    pub(super) stop: bool,
}

/// What became of work that went elsewhere.
pub(super) enum News {
    /// A piece of a load's chunk is written.
    Filled { load: u64, chunk: u64, outcome: Result<()> },
    /// A flight of copies was submitted, or refused.
    Submitted { flight: u64, outcome: Result<Completion> },
    /// Copies are complete: so many bytes less are on their way.
    Landed { bytes: u64, what: Landed },
    /// Staging memory was given back.
    Room,
    /// More staging memory was made, or there is none.
    Grown(Result<()>),
}

/// What copies were made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    Flush,
    Chunks,
    /// The copy of a shadow to where it belongs.
    Shadow,
}

/// One thread takes, everyone may send.
#[derive(Default)]
pub(super) struct Mailbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    mail: Mail,
    is_asleep: bool,
    /// Staging memory was given back since the thread last looked; one note is enough.
    room: bool,
}

impl Mailbox {
    /// Asks for an upload.
    ///
    /// # Errors
    /// [`Error::Closed`] if nobody looks here any more; the ticket is dropped, which answers it.
    pub(super) fn ask(&self, ticket: Ticket) -> Result<()> {
        self.put(|state| {
            if state.mail.stop {
                return Err((Error::Closed, ticket));
            }
            state.mail.tickets.push(ticket);
            Ok(())
        })
        .map_err(|(error, _ticket)| error)
    }

    pub(super) fn tell(&self, news: News) {
        self.put(|state| match news {
            News::Room => state.room = true,
            news => state.mail.news.push(news),
        });
    }

    pub(super) fn stop(&self) {
        self.put(|state| state.mail.stop = true);
    }

    fn put<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let result = change(&mut state);
        let was_asleep = mem::take(&mut state.is_asleep);
        drop(state);
        if was_asleep {
            self.wake.notify_one();
        }
        result
    }

    /// Takes what there is; if there is nothing, sleeps until there is, or until the time comes.
    pub(super) fn take(&self, until: Option<Instant>) -> Mail {
        let mut state = lock(&self.state);
        while state.mail.tickets.is_empty() && state.mail.news.is_empty() && !state.mail.stop && !state.room {
            state.is_asleep = true;
            let Some(until) = until else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_asleep = false;
        if mem::take(&mut state.room) {
            state.mail.news.push(News::Room);
        }
        let stop = state.mail.stop;
        Mail { stop, ..mem::replace(&mut state.mail, Mail { stop, ..Mail::default() }) }
    }

    /// Takes the tickets that came after the last look.
    pub(super) fn close(&self) -> Vec<Ticket> {
        let mut state = lock(&self.state);
        state.mail.stop = true;
        mem::take(&mut state.mail.tickets)
    }
}

/// Tells when it is dropped: copies hold it until they are complete.
pub(super) struct Landing {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) bytes: u64,
    pub(super) what: Landed,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.mailbox.tell(News::Landed { bytes: self.bytes, what: self.what });
    }
}
