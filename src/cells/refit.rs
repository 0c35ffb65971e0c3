//! Moving cubes: their cells are packed again, by the GPU, from places in the caller's order.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::{
    Gpu,
    cull::Cubes,
    error::{Error, Result},
    exec::Encoder,
    graph::{Graph, System, Systems, Uses},
    pipeline::ComputePipeline,
    resource::GpuBuffer,
    scene::Instance,
};

const REFIT: &[u8] = include_bytes!("../../shaders/spv/refit.comp.spv");
const CELLS_OF: &[u8] = include_bytes!("../../shaders/spv/cells_of.comp.spv");
const TOUCH: &[u8] = include_bytes!("../../shaders/spv/touch.comp.spv");

/// Workgroups at the most, each of which serves several cells where there are more.
pub(crate) const MOST_GROUPS: u32 = 32_768;
/// Threads of a workgroup of touch.comp.
const TOUCH_GROUP: u32 = 64;

/// What it takes to refit one scene.
pub(crate) struct Refits {
    kernel: ComputePipeline,
    /// For those of some cubes only.
    tables: OnceCell<Tables>,
}

impl Refits {
    /// # Errors
    /// Those of [`Gpu::compute_pipeline`].
    pub(crate) async fn new(gpu: &Gpu) -> Result<Self> {
        Ok(Self { kernel: gpu.compute_pipeline("cubes.refit", REFIT).await?, tables: OnceCell::new() })
    }
}

/// Which cells some cubes are in.
#[derive(Clone)]
struct Tables {
    touch: ComputePipeline,
    /// By cube.
    cells_of: GpuBuffer<u32>,
    /// By cell; 1 for those in the list.
    marks: GpuBuffer<u32>,
    /// How many cells have to be packed, and which.
    touched: GpuBuffer<u32>,
}

impl Tables {
    async fn new(cubes: &Cubes) -> Result<Self> {
        let scene = &cubes.shared;
        let (gpu, cells) = (&scene.gpu, scene.store.cell_count);
        let find = gpu.compute_pipeline("cubes.cells_of", CELLS_OF).await?;
        let touch = gpu.compute_pipeline("cubes.touch", TOUCH).await?;
        let cells_of = gpu.buffer::<u32>("cubes.cells_of", cubes.count())?;
        let marks = gpu.buffer::<u32>("cubes.marks", cells as usize)?;
        let touched = gpu.buffer::<u32>("cubes.touched", cells as usize + 1)?;

        let graph = Graph::new(gpu, "cubes.cells_of");
        let cleared = marks.clone();
        graph.pass("clear").writes(marks.copy_target()).record(move |cmd| {
            cmd.fill(&cleared, 0..cells as usize, 0);
        });
        let mut pass = graph.pass("find").writes(&cells_of);
        scene.store.read_by(pass.uses());
        let push = [scene.store.header.address(), cells_of.address()];
        pass.record(move |cmd| {
            cmd.bind(&find).push(&push).dispatch([cells.min(MOST_GROUPS), 1, 1]);
        });
        graph.submit().await?.await?;
        Ok(Self { touch, cells_of, marks, touched })
    }
}

impl Cubes {
    /// The system that packs all cubes again: as many as there are, in the order of their ids, with new places, sizes and
    /// colours. Everything may have moved. What comes after it in a frame, or in later frames, sees the cubes there.
    ///
    /// ```no_run
    /// # use vulkio::{Cubes, Renderer, Streamed, View, scene::{Camera, Instance}};
    /// # async fn f(renderer: Renderer, cubes: Cubes, view: View, places: Streamed<Instance>, moved: Vec<Instance>, camera: Camera) -> vulkio::Result<()> {
    /// let places = places.update(moved).await?;
    /// let frame = renderer.frame().await?;
    /// frame.add(cubes.refit(&places)?);
    /// frame.add(view.draw(camera, frame.target()));
    /// frame.submit().await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Cubes stay with the neighbours that they had when they were uploaded: where they go far apart, their cells' boxes
    /// become large, and more of what is hidden is looked at. Then upload the scene anew. [`bounds`](Self::bounds) stay
    /// what they were.
    ///
    /// A cube with a coordinate that is no number within ±2^60, or a half edge that is none of 2^-60 to 2^60, stays what it
    /// was: to within half a step of its cell, each time.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if `places` has not as many elements as there are cubes, or belongs to another [`Gpu`].
    pub fn refit(&self, places: &GpuBuffer<Instance>) -> Result<Refit> {
        self.check_places(places)?;
        Ok(Refit { cubes: self.clone(), places: places.clone(), tables: None, groups: self.shared.store.cell_count })
    }

    /// As [`refit`](Self::refit), where only the cubes `ids` have moved: packs the cells that they are in. Other cubes of
    /// those cells are packed again as well, so `places` has to be right for all.
    ///
    /// When it is first used, it makes tables of 4 bytes a cube and 8 a cell on the GPU, and waits for that.
    ///
    /// ```no_run
    /// # use vulkio::{Cubes, Gpu, GpuBuffer, Frame, scene::Instance};
    /// # async fn f(gpu: Gpu, cubes: Cubes, frame: Frame, places: GpuBuffer<Instance>, moved: Vec<(usize, Instance)>) -> vulkio::Result<()> {
    /// let ids = moved.iter().map(|&(id, _)| id as u32).collect();
    /// gpu.upload_ranges(&places, moved.into_iter().map(|(id, cube)| (id, [cube]))).await?;
    /// frame.add(cubes.refit_some(&places, ids).await?);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`refit`](Self::refit); [`Error::Invalid`] for an id that no cube has, and if there are none;
    /// [`Error::OutOfDeviceMemory`] for the tables.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future does nothing but that the tables are made by a later call.
    pub async fn refit_some(&self, places: &GpuBuffer<Instance>, ids: Vec<u32>) -> Result<RefitSome> {
        self.check_places(places)?;
        let count = self.count();
        if let Some(id) = ids.iter().find(|&&id| id as usize >= count) {
            return Err(Error::Invalid(format!("refit of cube {id} in a scene of {count} cubes")));
        }
        if ids.is_empty() {
            return Err(Error::Invalid("refit of 0 cubes: give the id of at least one".into()));
        }
        let tables = self.shared.refits.tables.get_or_try_init(|| Tables::new(self)).await?.clone();
        let groups = self.shared.store.cell_count.min(u32::try_from(ids.len()).unwrap_or(u32::MAX));
        let refit = Refit { cubes: self.clone(), places: places.clone(), tables: Some(tables.clone()), groups };
        Ok(RefitSome { touch: Touch { tables, ids: ids.into() }, refit })
    }

    fn check_places(&self, places: &GpuBuffer<Instance>) -> Result<()> {
        let (name, count, given) = (places.name(), self.count(), places.len());
        if given != count {
            return Err(Error::Invalid(format!(
                "a scene of {count} cubes, and `{name}` has {given} in their place; give as many"
            )));
        }
        if !places.same_device(&self.shared.gpu) {
            return Err(Error::Invalid(format!("a scene of cubes, and `{name}` in their place is another Gpu's")));
        }
        Ok(())
    }
}

/// Packs cubes again where they are now, see [`Cubes::refit`].
#[derive(Clone, Debug)]
pub struct Refit {
    cubes: Cubes,
    places: GpuBuffer<Instance>,
    /// `None`: all cells.
    tables: Option<Tables>,
    groups: u32,
}

/// As in refit.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    scene: u64,
    places: u64,
    touched: u64,
    marks: u64,
}

impl System for Refit {
    fn name(&self) -> &str {
        "cubes.refit"
    }

    fn declare(&self, uses: &mut Uses) {
        self.cubes.shared.store.written_by(uses);
        uses.reads(&self.places);
        if let Some(tables) = &self.tables {
            uses.reads(&tables.touched).writes(&tables.marks);
        }
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let scene = &self.cubes.shared;
        let [touched, marks] =
            self.tables.as_ref().map_or([0; 2], |tables| [tables.touched.address(), tables.marks.address()]);
        let push = Push { scene: scene.store.header.address(), places: self.places.address(), touched, marks };
        cmd.bind(&scene.refits.kernel).push(&push).dispatch([self.groups.min(MOST_GROUPS), 1, 1]);
        Ok(())
    }
}

/// Packs some cubes again where they are now, see [`Cubes::refit_some`]: for a frame or a graph.
#[derive(Clone, Debug)]
pub struct RefitSome {
    touch: Touch,
    refit: Refit,
}

impl Systems for RefitSome {
    fn add_to(self, graph: &Graph) {
        let touched = self.touch.tables.touched.clone();
        graph.pass("cubes.untouch").writes(touched.copy_target()).record(move |cmd| {
            cmd.update(&touched, 0, &[0]);
        });
        (self.touch, self.refit).add_to(graph);
    }
}

/// Lists the cells of some cubes.
#[derive(Clone, Debug)]
struct Touch {
    tables: Tables,
    ids: Arc<[u32]>,
}

/// As in touch.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct TouchPush {
    ids: u64,
    cells_of: u64,
    marks: u64,
    touched: u64,
    count: u32,
    unused: u32,
}

impl System for Touch {
    fn name(&self) -> &str {
        "cubes.touch"
    }

    fn declare(&self, uses: &mut Uses) {
        uses.reads(&self.tables.cells_of).writes(&self.tables.marks).writes(&self.tables.touched);
    }

    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        let Tables { touch, cells_of, marks, touched } = &self.tables;
        // There are no more ids than cubes, or some are there twice and the rest comes to the same.
        let count = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let push = TouchPush {
            ids: cmd.data_slice(&self.ids),
            cells_of: cells_of.address(),
            marks: marks.address(),
            touched: touched.address(),
            count,
            unused: 0,
        };
        cmd.bind(touch).push(&push).dispatch([count.div_ceil(TOUCH_GROUP).min(MOST_GROUPS), 1, 1]);
        Ok(())
    }
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}
