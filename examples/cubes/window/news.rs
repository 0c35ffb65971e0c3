//! What is done beside the frames, and comes back when it is done.

use std::path::PathBuf;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use vulkio::{
    Capture, Cubes, Gpu, InstanceId, Pick, View, ViewOptions,
    scene::{Camera, InstanceSource, Wave},
};

use super::freeze::Frozen;
use crate::{
    args::Args,
    flight,
    output::{Failure, Output},
    scene,
};

/// Something is done.
pub(crate) enum News {
    /// Another number of cubes.
    Loaded(Result<(Cubes, Option<Wave>), Failure>),
    Frozen(Result<Frozen, Failure>),
    /// What is where was clicked, in the scene or in the frozen one.
    Picked {
        frozen: bool,
        id: Result<Option<InstanceId>, Failure>,
    },
    Saved(Result<PathBuf, Failure>),
}

/// Starts things, and learns of their end.
pub(crate) struct Desk {
    sender: UnboundedSender<News>,
    receiver: UnboundedReceiver<News>,
}

impl Default for Desk {
    fn default() -> Self {
        let (sender, receiver) = unbounded_channel();
        Self { sender, receiver }
    }
}

impl Desk {
    pub(crate) fn try_next(&mut self) -> Option<News> {
        self.receiver.try_recv().ok()
    }

    /// Dropped, nothing is lost.
    pub(crate) async fn next(&mut self) -> Option<News> {
        self.receiver.recv().await
    }

    pub(crate) fn load(&self, args: Args, gpu: Gpu, count: usize) {
        self.start(async move { News::Loaded(load(&args, &gpu, count).await) });
    }

    pub(crate) fn freeze(
        &self,
        gpu: Gpu,
        cubes: Cubes,
        source: Option<Box<dyn InstanceSource>>,
        view: View,
        camera: Camera,
        options: ViewOptions,
    ) {
        self.start(async move { News::Frozen(Frozen::of(gpu, cubes, source, view, camera, options).await) });
    }

    pub(crate) fn pick(&self, pick: Pick, frozen: bool) {
        self.start(async move { News::Picked { frozen, id: pick.await.map_err(Failure::from) } });
    }

    /// Writes a picture to the first of `cubes-1.png`, `cubes-2.png`, .. that is not there.
    pub(crate) fn save(&self, picture: Capture) {
        self.start(async move { News::Saved(save(picture).await) });
    }

    fn start(&self, work: impl Future<Output = News> + Send + 'static) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            // The window may be closed by now.
            let _ = sender.send(work.await);
        });
    }
}

/// A scene, with what moves it if it is to move.
pub(crate) async fn load(args: &Args, gpu: &Gpu, count: usize) -> Result<(Cubes, Option<Wave>), Failure> {
    let cubes = scene::upload(args, gpu, count).await?.cubes;
    let wave = if args.animate { Some(Wave::new(&cubes, flight::WAVE_HEIGHT).await?) } else { None };
    Ok((cubes, wave))
}

async fn save(picture: Capture) -> Result<PathBuf, Failure> {
    let picture = picture.await?;
    let mut names = (1..).map(|number| PathBuf::from(format!("cubes-{number}.png")));
    let path = names.find(|path| !path.exists()).unwrap_or_else(|| "cubes.png".into());
    let output = Output::prepare(&path)?;
    picture.save_png(output.writing_path()).await?;
    output.finish()?;
    Ok(path)
}
