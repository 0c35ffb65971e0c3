//! The passes that draw a list of cubes and merge them into a visibility buffer.

use super::{Hardware, Targets};
use crate::{
    cells::CellStore,
    graph::Graph,
    resource::{GpuBuffer, Use},
    scene::Camera,
};

/// Threads of a workgroup of raster_merge.comp.
const MERGED_BY_A_GROUP: u32 = 256;
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

/// A list on the GPU, and how many entries it has.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) listed: Listed,
    pub(crate) list: GpuBuffer<u32>,
    /// Where the number of entries is, and what that is part of.
    pub(crate) count: Use,
    pub(crate) count_address: u64,
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
    /// Adds the passes that draw `batch` of `scene`: after clearing the targets if it is the frame's `first`.
    pub(crate) fn draw(
        &self,
        graph: &Graph,
        scene: &CellStore,
        camera: &Camera,
        batch: &Batch,
        to: &Targets,
        first: bool,
    ) {
        self.count(graph, batch, to);
        let pipeline = match batch.listed {
            Listed::Cells => self.cells.clone(),
            Listed::Words => self.words.clone(),
        };
        let push = self.push(scene, camera, batch);
        let (words, depth) = match first {
            true => (to.words.clear(u32::MAX), to.depth.clear(0.0)),
            false => (to.words.load(), to.depth.load()),
        };
        let (args, indices) = (to.args.clone(), self.mesh.indices.clone());
        let mut pass = graph.pass("raster.draw");
        scene.read_by(pass.uses());
        pass.reads(&batch.list)
            .reads(&batch.count)
            .reads(args.indirect())
            .reads(indices.index())
            .renders(words)
            .depth(depth)
            .record(move |cmd| {
                cmd.bind(&pipeline).push(&push).index_buffer(&indices).draw_indexed_indirect(&args, 0..1);
            });
    }

    /// Adds the passes that put what was drawn so far into `visibility`, where it is nearer than what is there.
    pub(crate) fn merge(&self, graph: &Graph, from: &Targets, visibility: &GpuBuffer<u64>) {
        let (own, kernel) = (from.clone(), self.merge.clone());
        graph
            .pass("raster.copy")
            .reads(from.depth.copy_source())
            .reads(from.words.copy_source())
            .writes(from.depth_texels.copy_target())
            .writes(from.word_texels.copy_target())
            .record(move |cmd| {
                cmd.copy_image(&own.depth, &own.depth_texels).copy_image(&own.words, &own.word_texels);
            });
        let push = MergePush {
            depths: from.depth_texels.address(),
            words: from.word_texels.address(),
            visibility: visibility.address(),
            pixels: from.pixels(),
            unused: 0,
        };
        let groups = groups(graph, from.pixels().div_ceil(MERGED_BY_A_GROUP));
        graph.pass("raster.merge").reads(&from.depth_texels).reads(&from.word_texels).writes(visibility).record(
            move |cmd| {
                cmd.bind(&kernel).push(&push).dispatch(groups);
            },
        );
    }

    /// Adds the pass that makes the draw's arguments of the list's length.
    fn count(&self, graph: &Graph, batch: &Batch, to: &Targets) {
        let push = ArgsPush {
            args: to.args.address(),
            count: batch.count_address,
            index_count: self.mesh.index_count(),
            entry_shift: match batch.listed {
                Listed::Cells => CELL_SHIFT,
                Listed::Words => 0,
            },
            instance_shift: self.mesh.shift,
            unused: 0,
        };
        let kernel = self.args.clone();
        graph.pass("raster.args").reads(&batch.count).writes(&to.args).record(move |cmd| {
            cmd.bind(&kernel).push(&push).dispatch([1, 1, 1]);
        });
    }

    fn push(&self, scene: &CellStore, camera: &Camera, batch: &Batch) -> Push {
        Push {
            scene: scene.header.address(),
            list: batch.list.address(),
            count: batch.count_address,
            eye_to_clip: (camera.projection() * camera.rotation()).to_cols_array_2d(),
            eye: camera.eye().to_array(),
            haze: 0.0,
            sky: [0.0; 3],
            shift: self.mesh.shift,
        }
    }
}

/// In two dimensions where one is not enough; the shader skips what is beyond the last pixel.
fn groups(graph: &Graph, needed: u32) -> [u32; 3] {
    let x = needed.min(graph.gpu().info().limits.max_compute_work_group_count[0]);
    [x, needed.div_ceil(x), 1]
}
