//! What the configuration and the command line say together.

use vulkio::{GpuOptions, RendererOptions};

use crate::{args::Args, output::Failure};

/// The settings of a run.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) frames_in_flight: usize,
    /// Of the runtime; by default one for each core.
    pub(crate) workers: Option<usize>,
    /// Samples a pixel.
    pub(crate) samples: u32,
    /// Of the picture or the window, if somebody said.
    pub(crate) size: Option<[u32; 2]>,
    #[cfg(feature = "config")]
    pub(crate) config: vulkio::config::Config,
}

impl Settings {
    /// How a renderer works.
    pub(crate) fn renderer_options(&self) -> RendererOptions {
        let mut options = RendererOptions::default().frames_in_flight(self.frames_in_flight).timestamps(true);
        options.workers = self.workers;
        options
    }
}

#[cfg(feature = "config")]
mod configured {
    use vulkio::config::{Config, FILE, Origin};

    use super::*;

    impl Settings {
        /// A file, the environment, and above them the command line, whose `--set` says it last.
        pub(crate) fn read(args: &Args) -> Result<Self, Failure> {
            let sources = match &args.config {
                Some(file) => Config::sources().file(file),
                None => Config::sources().file_if_there(FILE),
            };
            let number = |switch, key, value: Option<usize>| value.map(|value| (switch, key, value.to_string()));
            // A picture may be larger than a window.
            let window = args.size.filter(|_| args.in_window());
            let side = |at: usize| window.map(|size| size[at] as usize);
            let said = [
                number("--size", "window.width", side(0)),
                number("--size", "window.height", side(1)),
                number("--frames-in-flight", "performance.max_frames_in_flight", args.frames_in_flight),
                number("--workers", "performance.worker_threads", args.workers),
                number("--msaa", "graphics.msaa_samples", args.msaa.map(|samples| samples as usize)),
                args.validate.then(|| ("--validate", "debug.enable_validation", "strict".to_owned())),
            ];
            let mut sources = sources.environment();
            for (switch, key, value) in said.into_iter().flatten() {
                sources = sources.set(switch, key, &value);
            }
            for assignment in &args.set {
                sources = sources.assign("--set", assignment);
            }
            let config = sources.load()?;
            let is_said = |key: &str| config.origin(key).is_some_and(|origin| origin != Origin::Default);
            Ok(Self {
                frames_in_flight: config.performance.max_frames_in_flight as usize,
                workers: is_said("performance.worker_threads").then(|| config.performance.workers()),
                samples: config.graphics.msaa_samples,
                size: args.size.or((is_said("window.width") || is_said("window.height"))
                    .then_some([config.window.width, config.window.height])),
                config,
            })
        }

        pub(crate) fn gpu_options(&self, args: &Args) -> GpuOptions {
            let options = self.config.gpu_options();
            match &args.device {
                Some(device) => options.device(device.clone()),
                None => options,
            }
        }

        /// Without a window, nothing unless somebody said.
        pub(crate) fn log_level(&self, args: &Args) -> String {
            let said = self.config.origin("debug.log_level").is_some_and(|origin| origin != Origin::Default);
            if said || args.in_window() { self.config.tracing_filter().to_string() } else { "off".to_owned() }
        }

        pub(crate) fn explained(&self) -> String {
            self.config.explain()
        }
    }
}

#[cfg(not(feature = "config"))]
mod plain {
    use vulkio::Validation;

    use super::*;

    impl Settings {
        pub(crate) fn read(args: &Args) -> Result<Self, Failure> {
            let (frames_in_flight, samples) = (args.frames_in_flight.unwrap_or(2), args.msaa.unwrap_or(1));
            Ok(Self { frames_in_flight, workers: args.workers, samples, size: args.size })
        }

        pub(crate) fn gpu_options(&self, args: &Args) -> GpuOptions {
            let mut options = GpuOptions::default();
            if let Some(device) = &args.device {
                options = options.device(device.clone());
            }
            if args.validate { options.validation(Validation::Strict) } else { options }
        }

        pub(crate) fn log_level(&self, _: &Args) -> String {
            "off".to_owned()
        }

        pub(crate) fn explained(&self) -> String {
            String::new()
        }
    }
}
