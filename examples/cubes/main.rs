//! Flies a camera around cubes that the GPU culls and draws: scenes of any count, or a file's; writes the last frame as a PNG and prints
//! what it took. `cubes --help` lists the options.

mod args;
mod camera;
mod dump;
mod flight;
mod graph;
mod output;
mod report;
mod scene;
mod settings;
mod table;
mod times;
#[cfg(feature = "window")]
mod window;

use std::{io::Write, process::ExitCode, time::Duration};

use args::Args;
use output::Failure;
use settings::Settings;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let settings = match Settings::read(&args) {
        Ok(settings) => settings,
        Err(failure) => {
            // A line for each mistake.
            failure.to_string().lines().for_each(say);
            return ExitCode::FAILURE;
        }
    };
    if args.print_config {
        // Nobody reading it is no reason to fail.
        let _ = write!(std::io::stdout(), "{}", settings.explained());
        return ExitCode::SUCCESS;
    }
    // Quiet unless asked: what goes wrong is said in one line at the end.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(settings.log_level(&args)));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    #[cfg(feature = "window")]
    if args.in_window() {
        match window::show(&args, &settings) {
            Err(failure) if failure.no_window && args.window == args::When::Auto => {
                say(&format!("{failure}: drawing off screen instead"));
            }
            outcome => return outcome.map_or_else(|failure| fail(&failure), |()| ExitCode::SUCCESS),
        }
    }
    match fly(&args, &settings) {
        Ok(report) => {
            report.print();
            ExitCode::SUCCESS
        }
        Err(failure) => fail(&failure),
    }
}

/// Draws off screen.
fn fly(args: &Args, settings: &Settings) -> Result<report::Report, Failure> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = settings.workers {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_all().build().map_err(|error| Failure::new(format!("no tokio runtime: {error}")))?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = flight::fly(args, settings) => outcome,
            _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted")),
        }
    });
    // Whatever still waits for a device that is gone does not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

fn fail(failure: &Failure) -> ExitCode {
    say(&failure.to_string());
    ExitCode::FAILURE
}

/// One line on stderr, whatever the message; a stderr that is gone is no reason to panic.
fn say(message: &str) {
    let words: Vec<&str> = message.split_whitespace().collect();
    let _ = writeln!(std::io::stderr(), "cubes: {}", words.join(" "));
}
