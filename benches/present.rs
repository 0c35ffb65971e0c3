//! `./x bench present [--quick] [FILTER]`: what it takes to get a finished frame into a swapchain's image.
//!
//! A frame is drawn into an image of the renderer's own, and copied when the window has an image for it. Devices need not be
//! able to present for this: the copy is the same, to an image of the same size and of a swapchain's format. Times are the
//! GPU's, of a whole frame (two timestamps), medians of rounds in which every row has its turn.

mod harness;

use futures::executor::block_on;
use harness::{Args, Result, pairs::quantile};
use vulkio::{Filter, Gpu, GpuImage, GpuOptions, ImageDesc, RenderTarget, Renderer, RendererOptions, ash::vk};

const SIZES: [(&str, [u32; 2]); 3] = [("720p", [1280, 720]), ("1080p", [1920, 1080]), ("2160p", [3840, 2160])];
const ROUNDS: usize = 301;

/// How the picture gets there.
#[derive(Clone, Copy)]
enum Way {
    Nowhere,
    Blit(vk::Format),
}

const WAYS: [(&str, Way); 3] = [
    ("frame alone (cleared)", Way::Nowhere),
    ("and blitted to R8G8B8A8_SRGB", Way::Blit(vk::Format::R8G8B8A8_SRGB)),
    ("and blitted to B8G8R8A8_SRGB", Way::Blit(vk::Format::B8G8R8A8_SRGB)),
];

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("frames copied as to a window, GPU time", &gpu, &args);
    println!("{:8} {:34} {:>12} {:>12}", "size", "row", "median, us", "added, us");
    for (name, size) in SIZES.into_iter().filter(|(name, _)| args.wants(name)) {
        block_on(measure(&gpu, &args, name, size))?;
    }
    block_on(gpu.close())?;
    Ok(())
}

async fn measure(gpu: &Gpu, args: &Args, name: &str, size: [u32; 2]) -> Result {
    let renderer = Renderer::with_options(gpu, size, RendererOptions::default().frames_in_flight(1))?;
    let window = |way: Way| match way {
        Way::Nowhere => Ok(None),
        Way::Blit(format) => gpu.image_with::<RenderTarget>("window", ImageDesc::new(size).format(format)).map(Some),
    };
    let windows = WAYS.iter().map(|&(_, way)| window(way)).collect::<vulkio::Result<Vec<_>>>()?;
    let mut times = vec![Vec::new(); WAYS.len()];
    for _ in 0..if args.quick { ROUNDS / 10 } else { ROUNDS } {
        for (window, times) in windows.iter().zip(&mut times) {
            times.push(frame(&renderer, window.as_ref()).await?);
        }
    }
    let medians: Vec<f64> = times.iter().map(|times| quantile(times, 0.5)).collect();
    for ((row, _), time) in WAYS.iter().zip(&medians) {
        println!("{name:8} {row:34} {time:12.1} {:12.1}", time - medians[0]);
    }
    Ok(())
}

/// Microseconds on the GPU.
async fn frame(renderer: &Renderer, window: Option<&GpuImage<RenderTarget>>) -> Result<f64> {
    let frame = renderer.frame().await?;
    let target = frame.target();
    frame.pass("clear").renders(target.clear([0.1, 0.2, 0.3, 1.0])).record(|_| ());
    if let Some(window) = window {
        let (from, to) = (target, window.clone());
        frame.pass("show").reads(from.blit_source()).writes(to.blit_target()).record(move |cmd| {
            cmd.blit(&from, &to, Filter::Nearest);
        });
    }
    let stats = frame.submit().await?.await?;
    Ok(stats.gpu.ok_or("this device's graphics queue takes no timestamps")?.as_secs_f64() * 1e6)
}
