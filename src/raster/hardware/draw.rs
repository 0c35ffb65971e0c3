//! The passes that draw a list of cubes and merge what shows into a visibility buffer.

use super::{Hardware, samples::Attachments, targets::Targets};
use crate::{
    cells::CellStore,
    gpu::QueueKind,
    graph::{Pass, PassId},
    pipeline::GraphicsPipeline,
    raster::SKY,
    resource::{GpuBuffer, GpuImage, RenderTarget, Use},
    scene::Camera,
};

/// Threads of a workgroup of raster_merge.comp.
const MERGED_BY_A_GROUP: u32 = 256;
/// Each of their lanes goes over a few pixels of large pictures.
const MOST_GROUPS: u32 = 4096;
/// What a cell has at the most is two to this power cubes.
const CELL_SHIFT: u32 = 8;

/// What the entries of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// Numbers of cells, all of whose cubes are drawn.
    Cells,
    /// A word for each cube.
    Words,
}

/// A list on the GPU.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) listed: Listed,
    /// The address of the first entry.
    pub(crate) entries: u64,
    /// The address of how many there are, which the capacity follows.
    pub(crate) count: u64,
    /// Whether it is empty once its draw's arguments are made: for cells, whose draw asks no more.
    pub(crate) empties: bool,
    /// What these are in.
    pub(crate) buffer: Use,
}

/// A draw: of what, for which camera, to where.
#[derive(Clone, Copy)]
pub(crate) struct Drawn<'a> {
    pub(crate) scene: &'a CellStore,
    pub(crate) camera: &'a Camera,
    pub(crate) batch: &'a Batch,
    /// Whether it is the first of its frame, before which all is cleared.
    pub(crate) first: bool,
    /// Where the picture goes if it is the last of its frame, and the draws shade.
    pub(crate) target: Option<&'a GpuImage<RenderTarget>>,
    /// 1 / (the distance at which a cube has faded by 1 - 1/e), in world units.
    pub(crate) haze: f32,
}

/// As in include/raster.glsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    scene: u64,
    list: u64,
    count: u64,
    eye_to_clip: [[f32; 4]; 4],
    eye: [f32; 3],
    haze: f32,
    sky: [f32; 3],
    shift: u32,
}

/// As in raster_args.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct ArgsPush {
    args: u64,
    count: u64,
    /// The same, or 0.
    emptied: u64,
    index_count: u32,
    entry_shift: u32,
    instance_shift: u32,
    unused: u32,
}

/// As in raster_merge.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct MergePush {
    depths: u64,
    words: u64,
    visibility: u64,
    pixels: u32,
    unused: u32,
}

const _: () = assert!(size_of::<Push>() <= 128);

impl Hardware {
    /// Makes the arguments of the draw of a list from its length.
    pub(crate) fn args(&self, pass: Pass<'_>, batch: &Batch) -> PassId {
        let push = ArgsPush {
            args: self.targets.args.address(),
            count: batch.count,
            emptied: if batch.empties { batch.count } else { 0 },
            index_count: self.mesh.index_count(),
            entry_shift: match batch.listed {
                Listed::Cells => CELL_SHIFT,
                Listed::Words => 0,
            },
            instance_shift: self.mesh.shift,
            unused: 0,
        };
        let kernel = self.args.clone();
        let pass = if batch.empties { pass.writes(&batch.buffer) } else { pass.reads(&batch.buffer) };
        pass.writes(&self.targets.args).record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch([1, 1, 1]);
        })
    }

    /// Draws the cubes of a list whose arguments were made.
    pub(crate) fn draw(&self, mut pass: Pass<'_>, drawn: &Drawn<'_>) -> PassId {
        let batch = drawn.batch;
        let (pipeline, Attachments { colors, depth }) = self.drawn_to(drawn);
        let (push, args, indices) = (self.push(drawn), self.targets.args.clone(), self.mesh.indices.clone());
        drawn.scene.read_by(pass.uses());
        let pass = pass.reads(&batch.buffer).reads(args.indirect()).reads(indices.index());
        colors.into_iter().fold(pass, Pass::renders).depth(depth).record(move |cmd| {
            cmd.bind(&pipeline).push(&push).index_buffer(&indices).draw_indexed_indirect(&args, 0..1);
        })
    }

    /// Copies what was drawn so far to where compute passes find it.
    pub(crate) fn copy(&self, pass: Pass<'_>) -> PassId {
        let from = self.targets.clone();
        // Others need not be able to copy depths.
        pass.queue(QueueKind::Graphics)
            .copies(&from.depth, &from.depth_texels)
            .copies(&from.words, &from.word_texels)
            .record(move |cmd| {
                cmd.copy_image(&from.depth, &from.depth_texels).copy_image(&from.words, &from.word_texels);
            })
    }

    /// Puts what was copied into `visibility`, where it is nearer than what is there.
    pub(crate) fn merge(&self, pass: Pass<'_>, visibility: &GpuBuffer<u64>) -> PassId {
        let (from, kernel) = (&self.targets, self.merge.clone());
        let push = MergePush {
            depths: from.depth_texels.address(),
            words: from.word_texels.address(),
            visibility: visibility.address(),
            pixels: from.pixels(),
            unused: 0,
        };
        let groups = [from.pixels().div_ceil(MERGED_BY_A_GROUP).min(MOST_GROUPS), 1, 1];
        pass.reads(&from.depth_texels).reads(&from.word_texels).writes(visibility).record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch(groups);
        })
    }

    fn drawn_to(&self, drawn: &Drawn<'_>) -> (GraphicsPipeline, Attachments) {
        let Targets { words, depth, .. } = &self.targets;
        if let Some(samples) = &self.samples {
            let pipeline = match drawn.batch.listed {
                Listed::Cells => samples.cells.clone(),
                Listed::Words => samples.by_word.clone(),
            };
            return (pipeline, samples.attachments(drawn.first, drawn.target, words, depth));
        }
        let pipeline = match drawn.batch.listed {
            Listed::Cells => self.cells.clone(),
            Listed::Words => self.words.clone(),
        };
        let (words, depth) = match drawn.first {
            true => (words.clear(u32::MAX), depth.clear(0.0)),
            false => (words.load(), depth.load()),
        };
        (pipeline, Attachments { colors: vec![words], depth })
    }

    fn push(&self, drawn: &Drawn<'_>) -> Push {
        let &Drawn { scene, camera, batch, haze, .. } = drawn;
        Push {
            scene: scene.header.address(),
            list: batch.entries,
            count: batch.count,
            eye_to_clip: (camera.projection() * camera.rotation()).to_cols_array_2d(),
            eye: camera.eye().to_array(),
            haze,
            sky: SKY,
            shift: self.mesh.shift,
        }
    }
}
