//! Settings from a file, the environment and the command line.
//!
//! ```
//! use vulkio::config::Config;
//!
//! # fn main() -> vulkio::Result<()> {
//! let config = Config::sources() // defaults, and above them in this order, whichever was named first:
//!     .file_if_there("config.toml")
//!     .environment()
//!     .assign("--set", "window.width=800")
//!     .load()?;
//! assert_eq!(config.window.width, 800);
//! print!("{}", config.explain()); // TOML, with where each value came from
//! # Ok(())
//! # }
//! ```
//!
#![doc = include_str!("../../docs/config.md")]

mod convert;
mod explain;
mod file;
mod kind;
mod origin;
mod schema;
mod sources;
mod words;

pub use origin::Origin;
pub use sources::ConfigSources;
pub use tracing::level_filters::LevelFilter;
pub use words::Vsync;

use crate::{error::Result, gpu::Validation};
use origin::Origins;

/// The file that [`Config::load`] looks for in the current folder.
pub const FILE: &str = "config.toml";

/// Every setting, and where it came from.
///
/// The fields may be changed after loading; [`explain`](Self::explain) then says that the program did.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[window]`
    pub window: WindowConfig,
    /// `[performance]`
    pub performance: PerformanceConfig,
    /// `[graphics]`
    pub graphics: GraphicsConfig,
    /// `[debug]`
    pub debug: DebugConfig,
    origins: Origins,
}

/// `[window]`: what is opened, and when frames are shown in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowConfig {
    /// Width of the inside when it opens, in pixels; 1280 by default.
    pub width: u32,
    /// Height of the inside when it opens, in pixels; 720 by default.
    pub height: u32,
    /// What the title bar says; `vulkio` by default.
    pub title: String,
    /// Whether it covers the screen when it opens. Off by default.
    pub fullscreen: bool,
    /// When frames are shown; [`Vsync::On`] by default.
    pub vsync: Vsync,
}

/// `[performance]`: what runs at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerformanceConfig {
    /// Frames that may be on their way at once, 1 to 16; 2 by default.
    pub max_frames_in_flight: u32,
    /// Worker threads of the tokio runtime. 0, the default, means one fewer than there are cores, and one at least: see
    /// [`workers`](Self::workers).
    pub worker_threads: u32,
    /// Dispatches of kernels that gather at most before they are submitted, 1 to 65536; 256 by default.
    pub max_batch: u32,
    /// The longest that a dispatch waits for work before it to complete, in microseconds, up to a second; 200 by default.
    pub max_batch_delay_us: u32,
}

/// `[graphics]`: what pictures look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphicsConfig {
    /// Samples a pixel: 1, the default, 2, 4 or 8. The device may have fewer.
    pub msaa_samples: u32,
    /// Samples along the longer side of a pixel's footprint in a texture, 1 to 16; 1 is off, 16 the default. Written as `true` it
    /// means 16, as `false` 1. The device may have fewer.
    pub anisotropic_filtering: u32,
}

/// `[debug]`: who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DebugConfig {
    /// How closely Vulkan's validation layer watches; off by default. `true` means on.
    pub enable_validation: Validation,
    /// Whether what shaders touch is compared with what passes declare: see [`GpuOptions::checks`](crate::GpuOptions::checks).
    /// `None`, the default and written as `"auto"`, means in debug builds.
    pub checks: Option<bool>,
    /// What is logged, and all that is worse; [`LevelFilter::INFO`] by default.
    pub log_level: LevelFilter,
}

impl Config {
    /// Reads `config.toml` of the current folder, if there is one, and then the environment of the process.
    ///
    /// It reads on the calling thread: call it before the runtime starts, as `main` does first thing, or on a thread of
    /// its own.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) that names every mistake, where it is and what is allowed;
    /// [`Error::Io`](crate::Error::Io) if the file is there and cannot be read.
    pub fn load() -> Result<Self> {
        Self::sources().file_if_there(FILE).environment().load()
    }

    /// Says one by one where settings come from. Without any, they are the defaults.
    pub fn sources() -> ConfigSources {
        ConfigSources::default()
    }

    /// Where a setting's value came from: `window.width`, for example. `None` if there is no such setting.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<Origin> {
        schema::find(key).map(|key| self.origins.of(key, self))
    }
}

impl Default for WindowConfig {
    fn default() -> Self {
        Self { width: 1280, height: 720, title: "vulkio".into(), fullscreen: false, vsync: Vsync::default() }
    }
}

impl Default for PerformanceConfig {
    fn default() -> Self {
        Self { max_frames_in_flight: 2, worker_threads: 0, max_batch: 256, max_batch_delay_us: 200 }
    }
}

impl Default for GraphicsConfig {
    fn default() -> Self {
        Self { msaa_samples: 1, anisotropic_filtering: 16 }
    }
}

impl Default for DebugConfig {
    fn default() -> Self {
        Self { enable_validation: Validation::Off, checks: None, log_level: LevelFilter::INFO }
    }
}
