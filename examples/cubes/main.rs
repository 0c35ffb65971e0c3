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
mod times;

use std::{io::Write, process::ExitCode, time::Duration};

use args::Args;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(code) => return code,
    };
    // Quiet unless asked: what goes wrong is said in one line at the end.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = args.workers {
        builder.worker_threads(workers);
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no tokio runtime: {error}")),
    };
    let outcome = runtime.block_on(async {
        tokio::select! {
            outcome = flight::fly(&args) => outcome,
            _ = tokio::signal::ctrl_c() => Err(output::Failure::new("interrupted")),
        }
    });
    // Whatever still waits for a device that is gone does not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match outcome {
        Ok(report) => {
            report.print();
            ExitCode::SUCCESS
        }
        Err(failure) => fail(&failure.to_string()),
    }
}

fn fail(message: &str) -> ExitCode {
    say(message);
    ExitCode::FAILURE
}

/// One line on stderr, whatever the message; a stderr that is gone is no reason to panic.
fn say(message: &str) {
    let words: Vec<&str> = message.split_whitespace().collect();
    let _ = writeln!(std::io::stderr(), "cubes: {}", words.join(" "));
}
