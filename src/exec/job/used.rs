//! What a pass holds of the jobs it waits for.

use std::{
    any::Any,
    fmt, ptr,
    sync::{Arc, OnceLock},
};

use super::{
    AnyJob, Job, Wait,
    progress::{Gone, Progress},
    wake,
};
use crate::error::{Error, Result};

/// A pass's hold on a job: while it exists, nobody takes the output, and a borrow of it lasts as long as a borrow of
/// this.
pub struct JobUse {
    job: Arc<dyn AnyJob>,
    /// A share of the output, from the first time it is asked for: later ones take no lock.
    output: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl JobUse {
    pub(super) fn new(job: Arc<dyn AnyJob>) -> Self {
        job.progress().enter();
        Self { job, output: OnceLock::new() }
    }

    pub(crate) fn name(&self) -> &str {
        self.job.name()
    }

    /// Whether it has ended, well or not: `ready` answers at once.
    pub(crate) fn is_ready(&self) -> bool {
        self.job.progress().output().is_some()
    }

    /// Waits until the output can be read, or never will: then with the job's error.
    pub(crate) async fn ready(&self) -> Result<()> {
        let wait = Wait { progress: self.job.progress(), poll: Progress::poll_output, key: None };
        wait.await.map_err(|gone| self.job.why(gone))
    }

    /// Whether it is this job's.
    pub(crate) fn is<T>(&self, job: &Job<T>) -> bool {
        ptr::addr_eq(Arc::as_ptr(&self.job), Arc::as_ptr(&job.state))
    }

    /// The output, if the job is finished and gives a `T`.
    pub(crate) fn output<T: Send + Sync + 'static>(&self) -> Result<&T> {
        let unfit = |what| Error::Invalid(format!("the output of job `{}` {what}", self.name()));
        self.shared()?.downcast_ref().ok_or_else(|| unfit("is of another type"))
    }

    fn shared(&self) -> Result<&Arc<dyn Any + Send + Sync>> {
        if let Some(output) = self.output.get() {
            return Ok(output);
        }
        let running = || Error::Invalid(format!("job `{}` is not finished", self.name()));
        self.job.progress().output().ok_or_else(running)?.map_err(|gone| self.job.why(gone))?;
        // Finished, and it stays so while `self` is a user: the output is in its place.
        let output = self.job.output().ok_or_else(|| self.job.why(Gone::Taken))?;
        Ok(self.output.get_or_init(|| output))
    }
}

/// A job's output, for a pass that said `.after(&job)`; `uses` are all that it said.
pub(crate) fn output<'a, T: Send + Sync + 'static>(uses: &'a [JobUse], job: &Job<T>) -> Result<&'a T> {
    match uses.iter().find(|used| used.is(job)) {
        Some(used) => used.output(),
        None => Err(Error::Graph(format!(
            "it takes the output of job `{0}` and does not wait for it; add `.after(&{0})`",
            job.name()
        ))),
    }
}

impl Drop for JobUse {
    fn drop(&mut self) {
        drop(self.output.take()); // before it leaves: whoever takes the output must be alone with it
        wake(self.job.progress().leave());
    }
}

impl fmt::Debug for JobUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobUse").field("job", &self.name()).field("ready", &self.is_ready()).finish()
    }
}
