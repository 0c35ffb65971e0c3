//! How a view draws.

/// Which way cubes become pixels. All give the same picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RasterPath {
    /// What is fastest on this device.
    #[default]
    Auto,
    /// The GPU's rasteriser: for devices without 64-bit atomics, and for few large cubes.
    Hardware,
    /// Compute shaders: for many small cubes. Needs 64-bit atomics on buffers
    /// ([`Features::buffer_int64_atomics`](crate::Features::buffer_int64_atomics)).
    Compute,
}

/// How a [`View`](crate::View) draws; the default is right for most.
///
/// ```
/// use vulkio::{RasterPath, ViewOptions};
///
/// let exact = ViewOptions::default().path(RasterPath::Compute).lod(false);
/// assert!(exact.occlusion && !exact.lod);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ViewOptions {
    /// Which way cubes become pixels; [`RasterPath::Auto`] by default.
    pub path: RasterPath,
    /// Whether fewer and larger cubes stand for those that are smaller than a pixel. On by default; off, every cube is drawn
    /// exactly, as the rasteriser always does.
    pub lod: bool,
    /// Whether cells hidden behind others are left out. On by default; off, the picture is the same. (With several samples a
    /// pixel, but for what shows only through gaps that the first samples miss.)
    pub occlusion: bool,
    /// Whether edges are smoothed on the compute path. On by default. It changes colours only, no ids.
    pub antialias: bool,
    /// Samples a pixel on the hardware path, which [`RasterPath::Auto`] takes if there are several: 1, 2, 4 or 8; 1 by default.
    /// Fewer are used where the device has not as many, and that is said once. Of several, [`View::ids`](crate::View::ids)
    /// and picks look at the first, which is not in the pixel's middle.
    pub samples: u32,
    pub(crate) most_tiles: Option<u32>,
    pub(crate) instance_shift: Option<u32>,
}

impl Default for ViewOptions {
    fn default() -> Self {
        Self {
            path: RasterPath::Auto,
            lod: true,
            occlusion: true,
            antialias: true,
            samples: 1,
            most_tiles: None,
            instance_shift: None,
        }
    }
}

impl ViewOptions {
    /// Sets [`path`](Self::path).
    #[must_use]
    pub fn path(self, path: RasterPath) -> Self {
        Self { path, ..self }
    }

    /// Sets [`lod`](Self::lod).
    #[must_use]
    pub fn lod(self, lod: bool) -> Self {
        Self { lod, ..self }
    }

    /// Sets [`occlusion`](Self::occlusion).
    #[must_use]
    pub fn occlusion(self, occlusion: bool) -> Self {
        Self { occlusion, ..self }
    }

    /// Sets [`antialias`](Self::antialias).
    #[must_use]
    pub fn antialias(self, antialias: bool) -> Self {
        Self { antialias, ..self }
    }

    /// Sets [`samples`](Self::samples).
    #[must_use]
    pub fn samples(self, samples: u32) -> Self {
        Self { samples, ..self }
    }

    /// An instance of the rasteriser's draws is 2 to this power cubes, at most 8: for measuring.
    #[doc(hidden)]
    #[must_use]
    pub fn cubes_an_instance(self, power: u32) -> Self {
        Self { instance_shift: Some(power.min(8)), ..self }
    }

    /// Room for so many tiles of large cubes, or cubes that the rasteriser draws: for tests of what happens when there is too little.
    #[doc(hidden)]
    #[must_use]
    pub fn most_tiles(self, tiles: u32) -> Self {
        Self { most_tiles: Some(tiles.max(1)), ..self }
    }
}
