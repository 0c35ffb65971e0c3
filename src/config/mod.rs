//! Settings from a file, the environment and the command line.
#![allow(missing_docs)]
use crate::*;

#[derive(Clone, Debug, Default)]
pub struct Config {
    pub window: WindowConfig,
    pub performance: PerformanceConfig,
}
#[derive(Clone, Debug)]
pub struct WindowConfig {
    pub width: u32,
    pub height: u32,
    pub title: String,
    pub fullscreen: bool,
}
impl Default for WindowConfig {
    fn default() -> Self {
        Self { width: 1280, height: 720, title: "vulkio".into(), fullscreen: false }
    }
}
#[derive(Clone, Debug, Default)]
pub struct PerformanceConfig {
    pub worker_threads: usize,
}
impl Config {
    pub fn gpu_options(&self) -> GpuOptions {
        GpuOptions::default()
    }
    #[cfg(feature = "window")]
    pub fn surface_options(&self) -> window::SurfaceOptions {
        Default::default()
    }
}
