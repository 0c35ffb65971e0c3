//! Loom models of vulkio's lock-free parts: every interleaving of a few threads, on the very files of the library.
//!
//! `src/sync/table.rs`, `src/exec/word.rs`, `src/exec/commits.rs` and `src/exec/job/progress.rs` name only `super::prim`,
//! which is loom's here. What stands around them in the library (the reactor's loop, a recording's end, a job's output)
//! needs more than that and is written again in the models, as short as it can be. A lost wakeup is a thread that waits forever, and loom reports it as a deadlock.

pub mod commit_list;
pub mod job;
mod prim;
pub mod reactor;
pub mod recording;
mod sleeper;

#[path = "../../../src/exec/commits.rs"]
#[allow(dead_code, reason = "a model uses a part of it")]
mod commits;
#[path = "../../../src/exec/job/progress.rs"]
#[allow(dead_code, reason = "a model uses a part of it")]
mod progress;
#[path = "../../../src/sync/table.rs"]
#[allow(dead_code, reason = "a model uses a part of it")]
mod table;
#[path = "../../../src/exec/word.rs"]
#[allow(dead_code, reason = "a model uses a part of it")]
mod word;

/// Interruptions that all but the largest model can afford. Known bugs show with two.
const MANY: usize = 4;

/// Tries every interleaving in which threads are interrupted, where they could go on, at most `preemptions` times: with
/// no bound, four threads take hours.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}
