//! The last frame as files that other programs can check: cubes, camera, what each pixel shows, what passed culling.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use vulkio::{
    Cubes, View,
    scene::{Camera, Instance},
};

use crate::output::{Failure, Output};

/// The files' names.
pub(crate) const FILES: [&str; 4] = ["instances.bin", "camera.json", "ids.bin", "visible.bin"];

/// A folder for the files, found writable; a run that fails leaves none.
pub(crate) struct Dump {
    // Before the folder: dropped before it is looked whether that is empty.
    files: [Output; 4],
    made: Made,
}

/// A folder that was made, if it was, and is removed if it stays empty.
struct Made(Option<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            // Not if there is something in it.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Dump {
    /// Makes the folder if it is not there, and sure that files can be written in it.
    pub(crate) fn prepare(folder: &Path) -> Result<Self, Failure> {
        let mut made = Made(None);
        if !folder.is_dir() {
            fs::create_dir(folder)
                .map_err(|error| Failure::new(format!("cannot make folder `{}`: {error}", folder.display())))?;
            made.0 = Some(folder.to_owned());
        }
        let [instances, camera, ids, visible] = FILES.map(|name| Output::prepare(&folder.join(name)));
        Ok(Self { files: [instances?, camera?, ids?, visible?], made })
    }

    /// Writes all: what the frame before this showed through `camera`, and what a cull by that camera, submitted before this,
    /// kept.
    pub(crate) async fn write(&self, cubes: &Cubes, view: &View, camera: &Camera) -> Result<(), Failure> {
        let [instances, seen, ids, visible] = &self.files;
        let cube = |cube: &Instance| {
            let [x, y, z] = cube.position;
            [x, y, z, cube.half_edge].map(f32::to_le_bytes)
        };
        stream(instances, cubes.packed().await?.iter().map(cube))?;
        let seen_json = serde_json::to_string_pretty(&Seen::through(camera, view.size()))? + "\n";
        stream(seen, [[seen_json.into_bytes()]])?;
        stream(ids, view.ids().await?.iter().map(|id| [id.to_le_bytes()]))?;
        stream(visible, cubes.visible().await?.iter().map(|id| [id.to_le_bytes()]))
    }

    /// The files take their places.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let Self { files, mut made } = self;
        files.into_iter().try_for_each(Output::finish)?;
        made.0 = None;
        Ok(())
    }
}

/// Writes pieces one after the other.
fn stream<P: AsRef<[u8]>, const N: usize>(
    file: &Output,
    pieces: impl IntoIterator<Item = [P; N]>,
) -> Result<(), Failure> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file.writing_path())?);
    let write = || {
        pieces.into_iter().flatten().try_for_each(|piece| out.write_all(piece.as_ref()))?;
        out.flush()
    };
    write().map_err(|error| Failure::new(format!("cannot write `{}`: {error}", file.path().display())))
}

/// The camera, as outside programs want it.
#[derive(Serialize)]
struct Seen {
    /// World to clip space, column after column.
    view_proj: [f32; 16],
    eye: [f32; 3],
    size: [u32; 2],
}

impl Seen {
    fn through(camera: &Camera, size: [u32; 2]) -> Self {
        Self { view_proj: camera.view_projection().to_cols_array(), eye: camera.eye().to_array(), size }
    }
}
