//! Cubes that move, and so are uploaded every frame: by themselves, then while a bulk load streams in beside them.
//! `streaming --help` lists the options.

mod args;
mod load;
mod motion;
mod pace;
mod phase;
mod report;

use args::{Args, Job};
use clap::Parser;
use load::Load;
use phase::Stage;
use vulkio::Gpu;

type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open(args.options()).await?;
    let job = Job::new(&args, &gpu);
    report::print_job(&gpu.info().name, &job);
    run(&args, &gpu, job).await?;
    gpu.close().await?;
    match gpu.validation_log().messages().first() {
        Some(first) => Err(format!("Vulkan validation; the first message: {first}").into()),
        None => Ok(()),
    }
}

async fn run(args: &Args, gpu: &Gpu, job: Job) -> Result {
    let stage = Stage::new(gpu, job).await?;
    let alone = stage.phase(None).await?;
    report::print_phase("without a load", &alone);

    let load = Load::start(gpu, &job)?;
    let beside = stage.phase(Some(&load)).await?;
    load.stop().await?;
    report::print_phase("beside a load", &beside);
    report::print_ratio(&alone, &beside);

    if let Some(path) = &args.save {
        stage.renderer.capture().await?.save_png(path).await?;
        println!("wrote {}", path.display());
    }
    Ok(())
}
