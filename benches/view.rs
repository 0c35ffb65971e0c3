//! `./x bench view [--quick] [--count=N] [--frames=N] [--lod] [--passes] [--width=W --height=H] [FILTER]`: GPU time of a frame of
//! cubes, drawn by compute shaders, from two timestamps a frame; 1920 × 1080 on a GPU, 640 × 360 on a CPU driver.
//!
//! Scenes are `block`, seen from outside, and `city`, from a street, each with 1, 10 and 100 million cubes (30 and 100
//! thousand on a CPU driver), or with `--count` of them. Of each there are three cameras: one that stands still, one that goes
//! on by a pixel or two a frame, and one that jumps each frame, so that nothing of the last frame helps. `--lod` turns
//! the level of detail on. With `--passes` a last run prints the median of each pass, which adds waits between them.

mod harness;

use std::time::Instant;

use harness::{Args, Result, passes::PassTimes};
use vulkio::{
    Cubes, DeviceKind, Gpu, GpuOptions, RasterPath, Renderer, RendererOptions, View, ViewOptions,
    glam::{Quat, Vec3},
    scene::{self, Camera, InstanceSource},
};

/// How the camera goes from frame to frame.
#[derive(Clone, Copy, Debug)]
enum Motion {
    Still,
    Slow,
    Jumps,
}

struct Run<'a> {
    gpu: &'a Gpu,
    size: [u32; 2],
    frames: usize,
    options: ViewOptions,
    passes: Option<PassTimes>,
}

fn main() -> Result {
    let args = Args::parse();
    let gpu = Gpu::open_blocking(GpuOptions::default())?;
    harness::print_machine("frames of a view", &gpu, &args);
    let software = gpu.info().kind == DeviceKind::Cpu;
    let side = |name, gpu, cpu| harness::option(name).unwrap_or(if software { cpu } else { gpu }) as u32;
    let size = [side("--width", 1920, 640), side("--height", 1080, 360)];
    let frames = harness::option("--frames").unwrap_or(if args.quick || software { 20 } else { 200 });
    let options = ViewOptions::default().path(RasterPath::Compute).lod(harness::flag("--lod"));
    let passes = harness::flag("--passes").then(PassTimes::listen).transpose()?;
    let run = Run { gpu: &gpu, size, frames, options, passes };
    let usual: &[usize] = if software { &[30_000, 100_000] } else { &[1_000_000, 10_000_000, 100_000_000] };
    let counts = harness::option("--count").map_or(usual.to_vec(), |count| vec![count]);
    println!("{size:?} pixels, {options:?}");
    println!(
        "{:24} {:8} {:>9} {:>9} {:>9}   cubes kept, cells appeared, cubes shown",
        "scene", "camera", "p50 µs", "p95 µs", "p99 µs"
    );
    harness::many_threads()?.block_on(async {
        for &count in &counts {
            if args.wants("block") {
                let block = scene::block(count);
                let camera = outside(&block, size);
                run.scene("block", block, camera).await?;
            }
            if args.wants("city") {
                let city = scene::city(count, 1);
                let camera = city.street_camera(size[0] as f32 / size[1] as f32);
                run.scene("city", city, camera).await?;
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
    })?;
    futures::executor::block_on(gpu.close())?;
    Ok(())
}

/// All of a scene, from a general direction, filling most of the height.
fn outside(source: &impl InstanceSource, size: [u32; 2]) -> Camera {
    let bounds = source.bounds();
    let radius = bounds.half_extent().length();
    let eye = bounds.center() + Vec3::new(1.0, 0.7, 1.3).normalize() * radius * 2.3;
    let lens = Camera::perspective(0.8, size[0] as f32 / size[1] as f32, radius * 1e-3);
    lens.look_at(eye, bounds.center(), Vec3::Y)
}

impl Run<'_> {
    async fn scene(&self, name: &str, source: impl InstanceSource, camera: Camera) -> Result {
        let (count, bounds, start) = (source.len(), source.bounds(), Instant::now());
        let cubes = Cubes::upload(self.gpu, source).await?;
        let view = cubes.view(self.size, self.options).await?;
        println!("{name} of {count}, uploaded in {:.2?}", start.elapsed());
        let step = bounds.half_extent().length() * 1e-3;
        for motion in [Motion::Still, Motion::Slow, Motion::Jumps] {
            let renderer = Renderer::headless(self.gpu, self.size)?;
            let mut times = Vec::new();
            for n in 0..self.frames + 10 {
                let time = self.frame(&renderer, &view, moved(camera, motion, n, step)).await?;
                if n >= 10 {
                    times.push(time);
                }
            }
            times.sort_by(f64::total_cmp);
            let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
            let counts = view.counts().await?;
            let (kept, appeared, shown) = (counts.kept, counts.appeared, counts.shown);
            println!(
                "{:24} {:8} {:9.1} {:9.1} {:9.1}   {kept}, {appeared}, {shown}",
                format!("{name} {count}"),
                format!("{motion:?}").to_lowercase(),
                at(0.5),
                at(0.95),
                at(0.99)
            );
        }
        self.passes(&view, camera).await
    }

    async fn frame(&self, renderer: &Renderer, view: &View, camera: Camera) -> Result<f64> {
        let frame = renderer.frame().await?;
        frame.add(view.draw(camera, frame.target()));
        let stats = frame.submit().await?.await?;
        Ok(stats.gpu.ok_or("the device has no timestamps")?.as_secs_f64() * 1e6)
    }

    /// The median of each pass of frames whose camera stands still.
    async fn passes(&self, view: &View, camera: Camera) -> Result {
        let Some(times) = &self.passes else { return Ok(()) };
        let renderer = Renderer::with_options(self.gpu, self.size, RendererOptions::default().pass_timestamps(true))?;
        times.clear();
        for _ in 0..self.frames {
            self.frame(&renderer, view, camera).await?;
        }
        renderer.idle().await?;
        let medians = times.medians();
        let texts: Vec<_> = medians.iter().map(|(name, time)| format!("{name} {time:.1}")).collect();
        println!("  passes, µs: {}", texts.join(", "));
        Ok(())
    }
}

/// The camera of frame `n`.
fn moved(camera: Camera, motion: Motion, n: usize, step: f32) -> Camera {
    let [right, up, forward] = camera.basis().map(|axis| axis.as_vec3());
    let (eye, turn) = match motion {
        Motion::Still => (camera.eye(), 0.0),
        Motion::Slow => (camera.eye() + right * step * n as f32, 0.0),
        Motion::Jumps => (camera.eye(), if n.is_multiple_of(2) { 0.6 } else { -0.6 }),
    };
    let forward = Quat::from_axis_angle(up, turn) * forward;
    camera.look_at(eye, eye + forward, up)
}
