//! The window: fly about, change what is drawn, look at what was culled.

mod figures;
mod fly;
mod freeze;
mod input;
mod keys;
mod messages;
mod news;
mod obey;
mod panel;
mod pose;
mod readout;
mod show;
mod stage;
mod summary;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vulkio::{
    ValidationMessages,
    window::{self, RunOptions},
};

use self::{show::Show, summary::Summary};
use crate::{
    args::Args,
    output::{self, Failure, Output},
    settings::Settings,
};

/// Opens the window and shows the scene until it is closed, then prints what it took.
pub(crate) fn show(args: &Args, settings: &Settings) -> Result<(), Failure> {
    let picture = args.out.as_deref().map(Output::prepare).transpose()?;
    let stats = args.stats.as_deref().map(Output::prepare).transpose()?;
    let mut config = settings.config.clone();
    if config.window.title == vulkio::config::Config::default().window.title {
        config.window.title = "vulkio cubes".to_owned();
    }
    let options = RunOptions::default().gpu(settings.gpu_options(args));

    let left: Arc<Left> = Arc::default();
    let (leaves, args, samples) = (Arc::clone(&left), args.clone(), settings.samples);
    window::run_with(options, config, move |app| async move {
        leaves.note_log(app.gpu().validation_log());
        let mut show = Show::new(app, args, samples).await?;
        show.run().await?;
        if let Some(picture) = &picture {
            show.save(picture).await?;
        }
        leaves.note_end(show.summary(), picture);
        Ok::<(), Failure>(())
    })?;
    let Rest { log, ended } = left.take();
    if let Some(log) = log {
        output::silent(&log)?;
    }
    // Closed before anything was shown.
    let Some((summary, picture)) = ended else { return Ok(()) };
    summary.print();
    picture.map_or(Ok(()), Output::finish)?;
    match stats {
        Some(stats) => stats.write(crate::table::json(&summary)?.as_bytes()),
        None => Ok(()),
    }
}

/// What is left when the window is closed and the device gone.
#[derive(Default)]
struct Left(Mutex<Rest>);

#[derive(Default)]
struct Rest {
    log: Option<ValidationMessages>,
    /// And the last frame's picture, if it was asked for.
    ended: Option<(Summary, Option<Output>)>,
}

impl Left {
    fn note_log(&self, log: ValidationMessages) {
        self.rest().log = Some(log);
    }

    fn note_end(&self, summary: Summary, picture: Option<Output>) {
        self.rest().ended = Some((summary, picture));
    }

    fn take(&self) -> Rest {
        std::mem::take(&mut *self.rest())
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
