//! What a view is made of: its buffers, its kernels, and what it remembers from frame to frame.

use std::sync::Once;

use futures::future::{try_join, try_join3, try_join4};

use super::{
    RasterPath, ViewCounts, ViewOptions,
    lens::{Lens, MOST_PIXELS},
    resolve::Resolve,
    work::WorkList,
};
use crate::{
    Gpu,
    cull::{Cubes, Occlusion},
    error::{Error, Result},
    exec::Pickable,
    graph::{Graph, Pass, PassId},
    pipeline::ComputePipeline,
    raster::{
        compute::{Painter, TILE_WORDS},
        hardware::Hardware,
    },
    resource::GpuBuffer,
};

const BEGIN: &[u8] = include_bytes!("../../../shaders/spv/view_begin.comp.spv");
const PICK: &[u8] = include_bytes!("../../../shaders/spv/view_pick.comp.spv");
const IDS: &[u8] = include_bytes!("../../../shaders/spv/view_ids.comp.spv");

/// Lanes of a workgroup of the kernels that go over all pixels.
const LANES: u32 = 256;
/// Each of their lanes goes over a few pixels of large pictures.
const MOST_GROUPS: u32 = 4096;
/// There is room for as many entries of large cubes as this many pixels go into the picture, and for some in small pictures:
/// what finds none is drawn more slowly.
const PIXELS_PER_TILE: u32 = 4;
const LEAST_TILES: u32 = 4096;

/// Of several samples a pixel the depth that hides is the first one's. Behind the edges of what is near, others see past it:
/// so a cell counts as hidden only if it is behind the pixels around it as well.
const NEIGHBOURS: f32 = 1.0;

/// Entries of the table of cubes that were listed; work.glsl has the same number.
const LISTED: usize = 1 << 16;

/// Cubes a pixel that the rasteriser's list has room for.
const WORDS_EACH: u32 = 4;

/// Behind every handle of a view.
pub(super) struct ViewState {
    pub(super) cubes: Cubes,
    pub(super) size: [u32; 2],
    pub(super) path: RasterPath,
    pub(super) options: ViewOptions,
    pub(super) raster: Raster,
    pub(super) occlusion: Occlusion,
    pub(super) resolve: Resolve,
    /// What each pixel shows: a depth in the upper half, a word in the lower.
    pub(super) visibility: GpuBuffer<u64>,
    /// Cubes that owned a pixel of the last frame.
    pub(super) kept: WorkList,
    /// Which of them were listed last, by a hash.
    pub(super) listed: GpuBuffer<u32>,
    /// Cells that may show besides.
    pub(super) appeared: WorkList,
    /// Tiles of large cubes for compute shaders, all cubes that may show for the rasteriser.
    pub(super) large: WorkList,
    begin: ComputePipeline,
    ids: ComputePipeline,
    pick: ComputePipeline,
}

/// How cells become pixels.
pub(super) enum Raster {
    Hardware(Hardware),
    Compute(Painter),
}

impl Raster {
    /// Whether drawing makes the picture, so that nothing is left to resolve but which cells showed.
    pub(super) fn shades(&self) -> bool {
        matches!(self, Self::Hardware(hardware) if hardware.shades())
    }

    async fn new(gpu: &Gpu, path: RasterPath, size: [u32; 2], cells: usize, options: ViewOptions) -> Result<Self> {
        match path {
            RasterPath::Hardware => {
                Hardware::new(gpu, size, cells, options.samples, options.instance_shift).await.map(Self::Hardware)
            }
            RasterPath::Compute | RasterPath::Auto => Painter::new(gpu).await.map(Self::Compute),
        }
    }
}

/// As in view_begin.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Begin {
    visibility: u64,
    appeared: u64,
    large: u64,
    pyramid: u64,
    listed: u64,
    pixels: u32,
    unused: u32,
}

/// As in view_ids.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct LookUp {
    scene: u64,
    visibility: u64,
    ids: u64,
    pixels: u32,
    unused: u32,
}

impl ViewState {
    pub(super) async fn new(cubes: &Cubes, size: [u32; 2], options: ViewOptions) -> Result<Self> {
        check_size(size)?;
        let gpu = &cubes.shared.gpu;
        let path = choose(gpu, options)?;
        let pixels = size[0] * size[1];
        let cells = cubes.shared.store.cell_count as usize;
        let most_tiles = options.most_tiles.unwrap_or((pixels / PIXELS_PER_TILE).max(LEAST_TILES));
        // What finds no place is drawn by whole cells.
        let words = options.most_tiles.unwrap_or(pixels.saturating_mul(WORDS_EACH)).min(cubes.shared.store.cube_count);
        let (large, entry) = match path {
            RasterPath::Hardware => (words, 1),
            RasterPath::Compute | RasterPath::Auto => (most_tiles, TILE_WORDS),
        };
        let listed = gpu.buffer::<u32>("view.listed", LISTED)?;
        let visibility = gpu.buffer::<u64>("view.visibility", pixels as usize)?;
        let lists = try_join3(
            WorkList::new(gpu, "view.kept", pixels as usize, 1),
            WorkList::new(gpu, "view.appeared", cells, 1),
            WorkList::new(gpu, "view.large", large as usize, entry),
        );
        let kernels = try_join3(
            gpu.compute_pipeline("view.begin", BEGIN),
            gpu.compute_pipeline("view.ids", IDS),
            gpu.compute_pipeline("view.pick", PICK),
        );
        let parts = try_join4(
            Raster::new(gpu, path, size, cells, options),
            Occlusion::new(gpu, size),
            Resolve::new(gpu),
            lists,
        );
        let (parts, (begin, ids, pick)) = try_join(parts, kernels).await?;
        let (raster, occlusion, resolve, (kept, appeared, large)) = parts;
        let cubes = cubes.clone();
        let state = Self {
            cubes,
            size,
            path,
            options,
            raster,
            occlusion,
            resolve,
            visibility,
            kept,
            listed,
            appeared,
            large,
            begin,
            ids,
            pick,
        };
        state.clear().await?;
        Ok(state)
    }

    /// A view that has drawn nothing shows nothing.
    async fn clear(&self) -> Result<()> {
        let graph = Graph::new(&self.cubes.shared.gpu, "view.clear");
        self.kept.assume_written();
        self.begin(graph.pass("clear"));
        graph.submit().await?;
        Ok(())
    }

    /// The lens that tells which cells and cubes may show.
    pub(super) fn lens_for_cells(&self, lens: Lens) -> Lens {
        if self.raster.shades() { lens.widened(NEIGHBOURS) } else { lens }
    }

    /// Whether parts of cells stand for all of them: the rasteriser draws every cube.
    pub(super) fn has_lod(&self) -> bool {
        self.options.lod && matches!(self.raster, Raster::Compute(_))
    }

    pub(super) fn pixels(&self) -> u32 {
        self.size[0] * self.size[1]
    }

    /// Empties what the last frame left.
    pub(super) fn begin(&self, mut pass: Pass<'_>) -> crate::PassId {
        let uses = pass.uses();
        uses.writes(&self.visibility).writes(&self.occlusion.pyramid.buffer).writes(&self.listed);
        self.appeared.written_by(uses);
        self.large.written_by(uses);
        let push = Begin {
            visibility: self.visibility.address(),
            appeared: self.appeared.address(),
            large: self.large.address(),
            pyramid: self.occlusion.pyramid.buffer.address(),
            listed: self.listed.address(),
            pixels: self.pixels(),
            unused: 0,
        };
        let (kernel, groups) = (self.begin.clone(), groups_for(self.pixels()));
        pass.record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch(groups);
        })
    }

    /// Writes the ids of the cubes that the pixels show.
    pub(super) fn look_up(&self, graph: &Graph, ids: &GpuBuffer<u32>) {
        let scene = &self.cubes.shared.store;
        let mut pass = graph.pass("view.ids").reads(&self.visibility).writes(ids);
        scene.read_by(pass.uses());
        let push = LookUp {
            scene: scene.header.address(),
            visibility: self.visibility.address(),
            ids: ids.address(),
            pixels: self.pixels(),
            unused: 0,
        };
        let (kernel, groups) = (self.ids.clone(), groups_for(self.pixels()));
        pass.record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch(groups);
        });
    }

    pub(super) async fn counts(&self) -> Result<ViewCounts> {
        let gpu = &self.cubes.shared.gpu;
        let [shown, kept] = self.kept.counts(gpu).await?;
        let [appeared, _] = self.appeared.counts(gpu).await?;
        let [tiles, _] = self.large.counts(gpu).await?;
        Ok(ViewCounts { kept, appeared, shown, tiles })
    }
}

/// Lanes of a workgroup of view_pick.comp.
const PICKS: usize = 64;

/// As in view_pick.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct PickPush {
    scene: u64,
    visibility: u64,
    pixels: u64,
    ids: u64,
    count: u32,
    unused: u32,
}

impl Pickable for ViewState {
    fn size(&self) -> [u32; 2] {
        self.size
    }

    fn pick(&self, graph: &Graph, drawn: PassId, pixels: Vec<u32>, ids: &GpuBuffer<u32>, first: usize) {
        let scene = &self.cubes.shared.store;
        let mut pass = graph.pass("view.pick").reads(&self.visibility).writes(ids.slice(first..first + pixels.len()));
        scene.read_by(pass.uses());
        if graph.is_any_order() {
            pass = pass.after(drawn);
        }
        let push = PickPush {
            scene: scene.header.address(),
            visibility: self.visibility.address(),
            pixels: 0,
            ids: ids.address() + (first * size_of::<u32>()) as u64,
            count: pixels.len() as u32,
            unused: 0,
        };
        let kernel = self.pick.clone();
        pass.record(move |cmd| {
            let pixels_at = cmd.data_slice(&pixels);
            let groups = [pixels.len().div_ceil(PICKS) as u32, 1, 1];
            cmd.bind(&kernel).push(&PickPush { pixels: pixels_at, ..push }).dispatch(groups);
        });
    }
}

/// Enough workgroups for all pixels, or as many as keep any device busy.
fn groups_for(pixels: u32) -> [u32; 3] {
    [pixels.div_ceil(LANES).min(MOST_GROUPS), 1, 1]
}

fn check_size(size: [u32; 2]) -> Result<()> {
    if size.iter().all(|side| (1..=MOST_PIXELS).contains(side)) {
        return Ok(());
    }
    let [width, height] = size;
    Err(Error::Invalid(format!("a view of {width} × {height} pixels; each side is 1 to {MOST_PIXELS}")))
}

/// The path that a view takes on this device.
fn choose(gpu: &Gpu, options: ViewOptions) -> Result<RasterPath> {
    let (info, samples) = (gpu.info(), options.samples);
    if ![1, 2, 4, 8].contains(&samples) {
        return Err(Error::Invalid(format!("a view with {samples} samples a pixel; 1, 2, 4 or 8 are possible")));
    }
    match options.path {
        RasterPath::Compute if samples > 1 => Err(Error::Invalid(format!(
            "a view with {samples} samples a pixel by compute shaders; RasterPath::Hardware has them, these smooth edges with \
             `antialias`"
        ))),
        RasterPath::Auto if samples > 1 => Ok(RasterPath::Hardware),
        RasterPath::Compute if !info.features.buffer_int64_atomics => Err(Error::MissingFeatures {
            device: info.name.clone(),
            missing: "shaderBufferInt64Atomics, which drawing by compute shaders takes (RasterPath::Hardware does not)"
                .into(),
        }),
        RasterPath::Auto if !info.features.buffer_int64_atomics => {
            static SAID: Once = Once::new();
            let device = &info.name;
            SAID.call_once(|| tracing::warn!("{device} has no 64-bit atomics on buffers: cubes go to its rasteriser"));
            Ok(RasterPath::Hardware)
        }
        RasterPath::Auto => Ok(RasterPath::Compute),
        path => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_of_no_pixels_or_of_too_many_is_refused_with_the_range() {
        assert!(check_size([1, 16_384]).is_ok());
        for size in [[0, 5], [5, 0], [16_385, 1]] {
            let error = check_size(size).expect_err("refused").to_string();
            assert!(error.contains("1 to 16384") && error.contains(&format!("{} × {}", size[0], size[1])), "{error}");
        }
    }
}
