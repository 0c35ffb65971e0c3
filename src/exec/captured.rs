//! Who wants a frame's picture, and the picture.

use tokio::sync::oneshot;

use super::{
    picture::{PendingPicture, Picture},
    turn::Turn,
};
use crate::{
    error::{Error, Result},
    graph::Graph,
    readback::Place,
    resource::{GpuBuffer, GpuImage, ImagePart, RenderTarget},
    sync::Completion,
};

/// Who wants a frame's picture, and what there is of it.
#[derive(Default)]
pub(crate) struct Captured {
    pub(super) captures: Vec<oneshot::Sender<Result<PendingPicture>>>,
    /// In the streams of its renderer's pictures.
    places: Vec<Place>,
    /// Memory for it.
    texels: Option<GpuBuffer<u8>>,
    /// Once the passes that copy it are declared.
    picture: Option<Picture>,
}

impl Captured {
    pub(super) fn in_streams(places: Vec<Place>) -> Self {
        Self { places, ..Self::default() }
    }

    /// Whether there is somebody who wants a picture, and no memory for one yet.
    pub(super) fn lacks_texels(&self) -> bool {
        self.texels.is_none() && !(self.captures.is_empty() && self.places.is_empty())
    }

    /// Memory for the picture. If there is none, whoever wants one learns why, and the frame is drawn all the same.
    pub(super) fn use_texels(&mut self, texels: Result<GpuBuffer<u8>>) {
        match texels {
            Ok(texels) => self.texels = Some(texels),
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &Error) {
        for capture in self.captures.drain(..) {
            let _ = capture.send(Err(error.clone())); // nobody may wait for it any more
        }
        for place in self.places.drain(..) {
            place.failed(error.clone());
        }
    }

    /// Adds the passes that copy the picture, if somebody wants one.
    pub(super) fn declare(&mut self, graph: &Graph, target: &GpuImage<RenderTarget>) {
        if let Some(texels) = self.texels.take() {
            // Whatever order the graph is in, the picture is what all its passes leave.
            let passes = graph.passes_on(target);
            self.picture = Some(Picture::copied_by(graph, &target.part(), texels, passes));
        }
    }

    /// What the streams learn in the order of commits.
    pub(super) fn turns(&mut self) -> Vec<Turn> {
        self.places.iter_mut().map(Place::turn).collect()
    }

    /// All learn what to wait for.
    pub(super) fn submitted<T>(self, done: &Completion<T>) {
        let Some(picture) = self.picture else { return };
        let pending = || PendingPicture { done: done.without_value(), picture: picture.clone() };
        for capture in self.captures {
            let _ = capture.send(Ok(pending())); // nobody may wait for it any more
        }
        for place in self.places {
            place.submitted(pending);
        }
    }
}
