//! Saving pictures as PNG files.

use std::{
    fs::{self, File},
    io::{BufWriter, Error as IoError, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ash::vk;

use super::picture::Picture;
use crate::{
    error::{Error, Result},
    gpu::helpers::Helpers,
};

const SAVING: &str = "saving a picture";

impl Picture {
    /// Writes the picture to a PNG file, on a helper thread. The file appears whole or not at all: it is written beside
    /// its place first and then renamed.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a format other than `R8G8B8A8_SRGB` and `R8G8B8A8_UNORM`, [`Error::Io`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the file is still written.
    pub async fn save_png(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref().to_owned();
        let picture = self.clone();
        let save = move || save(&picture, &path);
        let task = match self.gpu() {
            Some(gpu) => gpu.shared.helpers.run(SAVING, save),
            None => {
                let helpers = Helpers::new();
                let task = helpers.run(SAVING, save);
                helpers.close(Some(Duration::ZERO)); // it ends by itself when that is done
                task
            }
        };
        task.await?
    }
}

fn save(picture: &Picture, path: &Path) -> Result<()> {
    let format = picture.format();
    if !matches!(format, vk::Format::R8G8B8A8_SRGB | vk::Format::R8G8B8A8_UNORM) {
        return Err(Error::Invalid(format!(
            "a PNG file of {format:?} texels; R8G8B8A8_SRGB and R8G8B8A8_UNORM can be saved"
        )));
    }
    // A device or a pipe (`/dev/null`, say) is written to; renaming would replace it.
    let special = fs::metadata(path).is_ok_and(|there| !there.is_file());
    let draft = if special { path.to_owned() } else { draft_of(path) };
    let saved = encode(picture, &draft).and_then(|()| if special { Ok(()) } else { fs::rename(&draft, path) });
    saved.map_err(|error| {
        if !special {
            let _ = fs::remove_file(&draft); // it may not have come to be
        }
        Error::Io { path: path.display().to_string(), source: Arc::new(error) }
    })
}

/// In the same folder, so that renaming is one step; with process and number in its name, so that no two meet.
fn draft_of(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{number}.tmp", std::process::id()));
    path.with_file_name(name)
}

fn encode(picture: &Picture, path: &Path) -> std::io::Result<()> {
    let [width, height] = picture.size();
    let mut file = BufWriter::new(File::create(path)?);
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_source_srgb(png::SrgbRenderingIntent::Perceptual);
    let mut writer = encoder.write_header().map_err(into_io)?;
    writer.write_image_data(picture.bytes()).map_err(into_io)?;
    writer.finish().map_err(into_io)?;
    file.flush()
}

fn into_io(error: png::EncodingError) -> IoError {
    match error {
        png::EncodingError::IoError(error) => error,
        error => IoError::new(ErrorKind::InvalidData, error),
    }
}
