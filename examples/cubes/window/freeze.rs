//! What survived culling, to be looked at from outside.

use std::collections::BTreeSet;

use vulkio::{
    Cubes, Gpu, NO_ID, View, ViewOptions,
    scene::{Camera, Instance, InstanceSource},
};

use super::stage::Stage;
use crate::output::Failure;

/// Cubes along an edge of the frustum, and how far from the eye the last is, in the scene's half extent.
const MARKS: usize = 96;
const REACH: f32 = 0.6;
const MARK_COLOR: [f32; 3] = [1.0, 0.85, 0.1];

/// The cubes that pixels showed, as a scene of their own.
pub(crate) struct Frozen {
    pub(crate) stage: Stage,
    /// Their ids in the scene that they are from, in this one's order; the marks are behind them.
    ids: Vec<u32>,
}

impl Frozen {
    /// A scene of just the cubes that `view` showed last, and of marks along the edges of what `camera` saw.
    ///
    /// The cubes are those of `source`. Without one, as of moving cubes, all are read back: none may move meanwhile.
    pub(crate) async fn of(
        gpu: Gpu,
        scene: Cubes,
        source: Option<Box<dyn InstanceSource>>,
        view: View,
        camera: Camera,
        options: ViewOptions,
    ) -> Result<Self, Failure> {
        let shown: BTreeSet<u32> = view.ids().await?.into_iter().filter(|&id| id != NO_ID).collect();
        let source = match source {
            Some(source) => source,
            None => Box::new(scene.packed().await?),
        };
        let extent = scene.bounds().half_extent().max_element();
        let pick = move || {
            let ids: Vec<u32> = shown.into_iter().filter(|&id| (id as usize) < source.len()).collect();
            let cubes = ids.iter().map(|&id| source.instance(id as usize));
            let cubes: Vec<Instance> = cubes.chain(marks(&camera, extent)).collect();
            (ids, cubes)
        };
        let (ids, cubes) = tokio::task::spawn_blocking(pick).await?;
        Ok(Self { stage: Stage::new(Cubes::upload(&gpu, cubes).await?, None, options), ids })
    }

    /// How many cubes showed.
    pub(crate) fn shown(&self) -> usize {
        self.ids.len()
    }

    /// Which cube of the whole scene that is; `None` of a mark.
    pub(crate) fn original(&self, id: u32) -> Option<u32> {
        self.ids.get(id as usize).copied()
    }
}

/// Small cubes along the four edges of a frustum.
fn marks(camera: &Camera, extent: f32) -> impl Iterator<Item = Instance> + use<> {
    let (eye, [right, up, forward]) = (camera.eye(), camera.basis().map(|axis| axis.as_vec3()));
    let [x, y] = camera.half_size().map(|half| half as f32);
    let edges = [[x, y], [x, -y], [-x, y], [-x, -y]].map(|[x, y]| forward + right * x + up * y);
    let reach = extent.max(1.0) * REACH;
    edges.into_iter().flat_map(move |edge| {
        (1..=MARKS).map(move |step| {
            let far = step as f32 / MARKS as f32;
            // Smaller near the eye, so that one sees where that is.
            Instance::new(eye + edge * (far * reach), reach * 0.002 * (0.3 + far), MARK_COLOR)
        })
    })
}
