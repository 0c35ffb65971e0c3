//! A frame of a view: what showed in the last one is drawn first, then what else is not hidden behind it.

use std::sync::Arc;

use super::{View, lens::Lens, resolve::haze_of, state::Raster, work::WorkList};
use crate::{
    error::{Error, Result},
    exec::{Encoder, Shown},
    graph::{Graph, Pass, PassId, Systems},
    raster::{
        compute::Phase,
        hardware::{Batch, Drawn, Hardware, Listing},
    },
    resource::{GpuImage, RenderTarget},
    scene::Camera,
};

/// The format of targets: the resolve writes bytes of it.
const TARGET: ash::vk::Format = ash::vk::Format::R8G8B8A8_SRGB;

/// What [`View::draw`] gives: several passes, to be added to a frame or graph.
#[derive(Clone, Debug)]
pub struct DrawView {
    view: View,
    camera: Camera,
    target: GpuImage<RenderTarget>,
}

impl DrawView {
    pub(super) fn new(view: View, camera: Camera, target: GpuImage<RenderTarget>) -> Self {
        Self { view, camera, target }
    }

    fn check(&self) -> Result<()> {
        let (name, size, format) = (self.target.name(), self.target.extent(), self.target.format());
        if size != self.view.size() {
            let [width, height] = self.view.size();
            let [w, h] = size;
            return Err(Error::Invalid(format!(
                "a view of {width} × {height} pixels draws to `{name}`, which has {w} × {h}; make a view of its size"
            )));
        }
        if format != TARGET {
            return Err(Error::Invalid(format!("views draw to images of {TARGET:?}; `{name}` is {format:?}")));
        }
        Ok(())
    }

    /// Draws what is in a list into the visibility buffer: cells, but what is drawn first are single cubes.
    fn draw(&self, passes: &mut Passes<'_>, lens: Lens, list: &WorkList, first: bool, last: bool) {
        let state = &self.view.state;
        let scene = &state.cubes.shared.store;
        match &state.raster {
            Raster::Compute(painter) => {
                let pyramid = (!first).then_some(&state.occlusion.pyramid);
                let phase = Phase { lens, scene, visibility: &state.visibility, list, large: &state.large, pyramid };
                if last {
                    passes.add("view.cells", |pass| painter.cells(pass, &phase));
                } else {
                    passes.add("view.words", |pass| painter.words(pass, &phase));
                }
                passes.add(if last { "view.tiles" } else { "view.words_tiles" }, |pass| painter.tiles(pass, &phase));
            }
            Raster::Hardware(hardware) => {
                if last {
                    let pyramid = (!first).then_some(&state.occlusion.pyramid);
                    let listing =
                        Listing { lens: state.lens_for_cells(lens), scene, cells: list, words: &state.large, pyramid };
                    passes.add("view.list", |pass| hardware.list(pass, &listing));
                    self.rasterise(passes, hardware, &state.large.words(), first, None);
                    self.rasterise(passes, hardware, &hardware.whole(), false, Some(&self.target));
                } else {
                    self.rasterise(passes, hardware, &list.words(), first, None);
                }
                passes.add("view.texels", |pass| hardware.copy(pass));
                passes.add("view.merge", |pass| hardware.merge(pass, &state.visibility));
            }
        }
    }
}

impl DrawView {
    /// Draws a list with the rasteriser; where that makes the picture, and this is its end, to `target`.
    fn rasterise(
        &self,
        passes: &mut Passes<'_>,
        hardware: &Hardware,
        batch: &Batch,
        first: bool,
        target: Option<&GpuImage<RenderTarget>>,
    ) {
        let cubes = &self.view.state.cubes;
        let (scene, haze) = (&cubes.shared.store, haze_of(cubes));
        let drawn = Drawn { scene, camera: &self.camera, batch, first, target, haze };
        passes.add("view.args", |pass| hardware.args(pass, batch));
        passes.add("view.draw", |pass| hardware.draw(pass, &drawn));
    }
}

impl Systems for DrawView {
    fn add_to(self, graph: &Graph) {
        let state = &self.view.state;
        let lens = Lens::new(&self.camera, state.size, state.has_lod());
        let mut passes = Passes { graph, last: None };
        if let Err(error) = self.check() {
            passes.add("view.begin", |pass| pass.keep().record(move |_: &mut Encoder<'_>| Err(error)));
            return;
        }
        let (occlusion, scene) = (&state.occlusion, &state.cubes.shared.store);
        let occludes = state.options.occlusion;

        passes.add("view.begin", |pass| state.begin(pass));
        if occludes {
            self.draw(&mut passes, lens, &state.kept, true, false);
            passes.add("view.pyramid", |pass| {
                occlusion.build(pass, state.size, &state.visibility, &state.kept, &state.large)
            });
        }
        let cells_lens = state.lens_for_cells(lens);
        passes.add("view.test", |pass| occlusion.test(pass, cells_lens, scene, &state.appeared, occludes));
        self.draw(&mut passes, lens, &state.appeared, !occludes, true);
        passes.add("view.resolve", |pass| state.resolve.shade(pass, state, lens, &self.target));
        if let Some(drawn) = passes.last {
            let by = Arc::clone(state) as _;
            graph.shows(Shown { by, drawn });
        }
    }
}

/// Passes one after the other, also in a graph of any order.
struct Passes<'g> {
    graph: &'g Graph,
    last: Option<PassId>,
}

impl Passes<'_> {
    fn add(&mut self, name: &str, declare: impl FnOnce(Pass<'_>) -> PassId) {
        let pass = self.graph.pass(name);
        // In the order of declarations, what they touch says the same.
        let pass = match self.last.filter(|_| self.graph.is_any_order()) {
            Some(last) => pass.after(last),
            None => pass,
        };
        self.last = Some(declare(pass));
    }
}
