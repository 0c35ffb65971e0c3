//! What there is to see: a scene that is made, or a file.

use std::time::Instant;

use clap::ValueEnum;
use vulkio::{
    Cubes, Gpu,
    scene::{
        self, InstanceSource,
        files::{self, FileOptions},
    },
};

use crate::{args::Args, output::Failure};

/// Scenes of any count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scene {
    /// 100 x 100 cubes a layer
    Grid,
    /// As many cubes along each side, three edges apart: to measure with
    Block,
    /// Random places and sizes
    Field,
    /// Streets between towers of stacked cubes
    City,
    /// An island of columns
    Terrain,
}

impl Scene {
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl Scene {
    /// The cubes by themselves, to look some of them up.
    #[cfg_attr(not(feature = "window"), allow(dead_code))]
    pub(crate) fn source(self, count: usize, seed: u64) -> Box<dyn InstanceSource> {
        match self {
            Self::Grid => Box::new(scene::grid(count)),
            Self::Block => Box::new(scene::block(count)),
            Self::Field => Box::new(scene::field(count, seed)),
            Self::City => Box::new(scene::city(count, seed)),
            Self::Terrain => Box::new(scene::terrain(count, seed)),
        }
    }
}

/// A scene on the GPU.
pub(crate) struct Uploaded {
    pub(crate) cubes: Cubes,
    /// The scene's name, or the file's.
    pub(crate) name: String,
    /// What it took to read the file.
    pub(crate) read_seconds: f64,
    /// What it took to make the cubes and to put them in order.
    pub(crate) pack_seconds: f64,
    /// What it took then, to write them packed and to upload them.
    pub(crate) upload_seconds: f64,
}

/// Reads or makes what was asked for; `count` cubes of a scene that is made.
pub(crate) async fn upload(args: &Args, gpu: &Gpu, count: usize) -> Result<Uploaded, Failure> {
    let (file, read_seconds) = match &args.input {
        Some(path) => {
            let began = Instant::now();
            let file = read(path.clone(), args.file_options()).await?;
            (Some(file), began.elapsed().as_secs_f64())
        }
        None => (None, 0.0),
    };
    let name = name_of(args);
    let cubes = match (file, args.scene) {
        (Some(file), _) => Cubes::upload(gpu, file).await,
        (None, Scene::Grid) => Cubes::upload(gpu, scene::grid(count)).await,
        (None, Scene::Block) => Cubes::upload(gpu, scene::block(count)).await,
        (None, Scene::Field) => Cubes::upload(gpu, scene::field(count, args.seed)).await,
        (None, Scene::City) => Cubes::upload(gpu, scene::city(count, args.seed)).await,
        (None, Scene::Terrain) => Cubes::upload(gpu, scene::terrain(count, args.seed)).await,
    }?;
    let times = cubes.times();
    let [pack_seconds, upload_seconds] = [times.order + times.cells, times.upload].map(|time| time.as_secs_f64());
    Ok(Uploaded { cubes, name, read_seconds, pack_seconds, upload_seconds })
}

/// On a thread that may block.
async fn read(path: std::path::PathBuf, options: FileOptions) -> Result<files::CubeFile, Failure> {
    let reading = tokio::task::spawn_blocking(move || files::open_with(path, &options));
    Ok(reading.await??)
}

/// The scene's name, or the file's.
pub(crate) fn name_of(args: &Args) -> String {
    match &args.input {
        Some(file) => file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned(),
        None => args.scene.name(),
    }
}
