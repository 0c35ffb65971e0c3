//! Whose turn it is with the CPU data: one line for each value, in the order of the schedule.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, OnceLock},
};

use futures::FutureExt;

use super::Bound;
use crate::{
    error::{Error, Result},
    resource::Mode,
    sync::prim::lock,
    system::{Guard, Ticket},
};

/// How a system ended. One that let go of its data and says nothing was aborted.
type Ended = OnceLock<Result<()>>;

/// A system's place in the lines for all the CPU data that it touches.
pub(crate) struct Turn {
    tickets: Vec<(usize, Ticket)>,
    /// By what it declares, which ticket it is.
    which: Vec<usize>,
    /// Those who write before it, in the same run, what it touches.
    before: Vec<Arc<Ended>>,
    /// Where others look who come after it.
    ended: Arc<Ended>,
}

/// Takes places for all systems of a run, in their order.
///
/// Two runs that take them at the same time would each wait for the other: so one does it after the other.
pub(crate) fn line_up(systems: &[Bound]) -> Vec<Turn> {
    static LINES: Mutex<()> = Mutex::new(());
    let mut writers = HashMap::new();
    let _one_at_a_time = lock(&LINES);
    systems.iter().map(|system| Turn::new(system, &mut writers)).collect()
}

impl Turn {
    fn new(system: &Bound, writers: &mut HashMap<usize, Arc<Ended>>) -> Self {
        let ended = Arc::new(Ended::new());
        let mut turn = Self { tickets: Vec::new(), which: Vec::new(), before: Vec::new(), ended: Arc::clone(&ended) };
        for used in &system.cpu {
            let id = used.data.id();
            let known = turn.tickets.iter().position(|(known, _)| *known == id);
            turn.which.push(known.unwrap_or(turn.tickets.len()));
            if known.is_none() {
                turn.tickets.push((id, used.data.ticket(used.mode)));
                turn.before.extend(writers.get(&id).cloned());
            }
        }
        for used in system.cpu.iter().filter(|used| used.mode != Mode::Read) {
            writers.insert(used.data.id(), Arc::clone(&ended));
        }
        turn
    }

    /// The guards, if it is its turn with everything already: nobody waits then, nor runs.
    pub(crate) fn come_at_once(&mut self) -> Option<Vec<(usize, Guard)>> {
        let all = self.before.is_empty() && self.tickets.iter().all(|(_, ticket)| ticket.has_come());
        all.then(|| self.come().now_or_never()?.ok()).flatten()
    }

    /// Waits until it is its turn with everything: guards in the order of the declaration, with the ids of the data.
    ///
    /// # Errors
    ///
    /// That of a system before it which left what this one touches half done.
    pub(crate) async fn come(&mut self) -> Result<Vec<(usize, Guard)>> {
        let mut come = Vec::with_capacity(self.which.len());
        for (id, ticket) in mem::take(&mut self.tickets) {
            come.push((id, ticket.turn().await));
        }
        // They had their turn with it before.
        for before in &self.before {
            if let Err(error) = before.get().cloned().unwrap_or(Err(Error::Cancelled)) {
                self.end(Err(error.clone()));
                return Err(error);
            }
        }
        Ok(in_order(come, &self.which))
    }

    /// The lines that it stands in.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.tickets.len()
    }

    /// Says how it ended, to those who come after it: before it lets go of the guards.
    pub(crate) fn end(&self, result: Result<()>) {
        let _ = self.ended.set(result); // it ends once
    }
}

/// What is declared twice, both times to be read, has one guard.
fn in_order(come: Vec<(usize, Guard)>, which: &[usize]) -> Vec<(usize, Guard)> {
    let mut come: Vec<_> = come.into_iter().map(Some).collect();
    let each = which.iter().filter_map(|&ticket| {
        let (id, guard) = come[ticket].take()?;
        come[ticket] = guard.again().map(|again| (id, again));
        Some((id, guard))
    });
    each.collect()
}
