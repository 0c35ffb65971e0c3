//! From settings to the options of what is opened with them.

use std::{thread, time::Duration};

use tracing::level_filters::LevelFilter;

use super::{Config, Origin, PerformanceConfig};
use crate::{Batching, GpuOptions, RendererOptions, SamplerDesc, gpu::Validation};

impl Config {
    /// How to open the device: with `debug.enable_validation` and `debug.checks`, `performance.max_batch` and
    /// `performance.max_batch_delay_us`. Where nobody set them, `VULKIO_VALIDATION`
    /// and `VULKIO_CHECKS` have their say, as `VULKIO_DEVICE` always has.
    #[must_use]
    pub fn gpu_options(&self) -> GpuOptions {
        let validation = self.debug.enable_validation;
        let unsaid = validation == Validation::Off && self.origin("debug.enable_validation") == Some(Origin::Default);
        let options = if unsaid { GpuOptions::default() } else { GpuOptions::default().validation(validation) };
        let delay = Duration::from_micros(self.performance.max_batch_delay_us.into());
        let batching = Batching::default().max_batch(self.performance.max_batch as usize).max_delay(delay);
        // What is the default is left to the device's maker.
        let options = if batching == Batching::default() { options } else { options.batching(batching) };
        self.debug.checks.into_iter().fold(options, GpuOptions::checks)
    }

    /// How a renderer works: with `performance.max_frames_in_flight`.
    #[must_use]
    pub fn renderer_options(&self) -> RendererOptions {
        RendererOptions::default().frames_in_flight(self.performance.max_frames_in_flight as usize)
    }

    /// How textures are sampled that want no other: with `graphics.anisotropic_filtering`.
    #[must_use = "hand it to `Gpu::sampler`"]
    pub fn sampler_desc(&self) -> SamplerDesc {
        SamplerDesc::default().anisotropy(self.graphics.anisotropic_filtering)
    }

    /// How a window's surface works: with `window.vsync`, and its renderer with
    /// [`renderer_options`](Self::renderer_options).
    #[cfg(feature = "window")]
    #[must_use]
    pub fn surface_options(&self) -> crate::window::SurfaceOptions {
        crate::window::SurfaceOptions::default().vsync(self.window.vsync).renderer(self.renderer_options())
    }

    /// What a subscriber of `tracing` lets through: `debug.log_level`.
    ///
    /// ```
    /// # let config = vulkio::config::Config::default();
    /// let log = tracing_subscriber::fmt().with_max_level(config.tracing_filter());
    /// # let _ = log;
    /// ```
    #[must_use]
    pub fn tracing_filter(&self) -> LevelFilter {
        self.debug.log_level
    }
}

impl PerformanceConfig {
    /// How many worker threads the tokio runtime shall have: `worker_threads`, or one fewer than there are cores where
    /// that is 0, and one at least.
    #[must_use]
    pub fn workers(&self) -> usize {
        match self.worker_threads {
            0 => thread::available_parallelism().map_or(1, |cores| (cores.get() - 1).max(1)),
            threads => threads as usize,
        }
    }
}
