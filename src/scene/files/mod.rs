//! Cubes from files: point clouds as PLY, CSV or XYZ, and height maps as PNG.
//!
//! | format | what is read |
//! | --- | --- |
//! | PLY | ASCII, and binary of both byte orders: `x y z` of each vertex, and its `red green blue` if it has them, of any type. Other properties and other elements are skipped |
//! | CSV, XYZ | a point a line: `x y z`, then `r g b` if there are as many columns, between commas, semicolons, tabs or spaces. A first line of names says which column is which. Colours go to 255, or to 1 if no channel in the file is above 1. Empty lines and those that begin with `#` or `//` are skipped |
//! | PNG | a height map of 8 or 16 bits: grey, or the luminance of colours. See [`FileOptions::colors`] and [`FileOptions::relief`] |
//!
//! A format is known by how the file begins, text by its name's end. Points without colour are painted by height.
//!
//! # Size of the cubes
//!
//! A point becomes a cube whose edge is the cloud's spacing: the distance to the fourth nearest other place, the median of 64
//! points spread over the file. On a surface, regular or random, such cubes just about touch. [`FileOptions::half_edge`] says
//! otherwise. A pixel of a height map becomes a column of cubes of edge 1: its top and as many below it as its neighbours leave
//! bare; the picture's border goes down to the ground.
//!
//! # Memory
//!
//! Files are read piece by piece. A point takes 16 bytes on the host, a column of a height map 2.5, and 4 more if there is a picture
//! of colours; a picture is unpacked whole, 1 to 8 bytes a pixel, while it is read. What a file claims and cannot hold by its size is
//! an error before anything is allocated for it.
//!
//! ```no_run
//! # async fn run(gpu: &vulkio::Gpu) -> vulkio::Result<()> {
//! use vulkio::{Cubes, scene::files};
//!
//! let cloud = files::open("scan.ply")?;
//! println!("cubes of edge {}", 2.0 * cloud.half_edge());
//! let cubes = Cubes::upload(gpu, cloud).await?;
//! # Ok(())
//! # }
//! ```

mod columns;
mod heights;
mod place;
mod ply;
mod points;
mod spacing;
mod table;

use std::{
    fs::File,
    io::{BufRead, BufReader, Seek},
    path::{Path, PathBuf},
    sync::Arc,
};

use glam::DVec3;

use super::{Bounds, Instance, InstanceSource};
use crate::error::{Error, Result};
use columns::Columns;
use place::Trouble;
use points::Points;

/// Of a file's buffer.
const BUFFER: usize = 1 << 18;

/// How a file is made into cubes.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    half_edge: Option<f32>,
    relief: Option<f32>,
    colors: Option<PathBuf>,
}

impl FileOptions {
    /// Half the edge of every cube, in the file's units, rather than one that fits the points' spacing. The cubes of a height map, 0.5
    /// otherwise, move apart with their size.
    #[must_use]
    pub fn half_edge(mut self, half_edge: f32) -> Self {
        self.half_edge = Some(half_edge);
        self
    }

    /// How high the highest of a height map is above the lowest, in cubes, at most 65,535; 0.15 of the picture's longer side
    /// otherwise.
    #[must_use]
    pub fn relief(mut self, cubes: f32) -> Self {
        self.relief = Some(cubes);
        self
    }

    /// A PNG that is laid over a height map, of any size. A map without one is painted by height.
    #[must_use]
    pub fn colors(mut self, path: impl Into<PathBuf>) -> Self {
        self.colors = Some(path.into());
        self
    }
}

/// A file's cubes, in the order of the file: an [`InstanceSource`].
#[derive(Debug)]
pub struct CubeFile {
    kind: Kind,
    half_edge: f32,
}

#[derive(Debug)]
enum Kind {
    Points(Points),
    Columns(Columns),
}

/// The cubes of a file, with the options that suit most.
///
/// It reads the whole file on the calling thread, below a microsecond a point: call it from a thread that may block.
///
/// # Errors
///
/// [`Error::Io`] if it cannot be read, [`Error::Malformed`] with the line or the byte if it is not what its format says, holds no point or a
/// coordinate that is not finite.
pub fn open(path: impl AsRef<Path>) -> Result<CubeFile> {
    open_with(path, &FileOptions::default())
}

/// The cubes of a file.
///
/// # Errors
///
/// As [`open`]; and [`Error::Invalid`] for options that no cube can have, or colours over what is no height map.
pub fn open_with(path: impl AsRef<Path>, options: &FileOptions) -> Result<CubeFile> {
    let path = path.as_ref();
    if let Some(half_edge) = options.half_edge.filter(|half_edge| !(1e-9..=1e9).contains(half_edge)) {
        return Err(Error::Invalid(format!("cubes with a half edge of {half_edge}: it must be from 1e-9 to 1e9")));
    }
    if let Some(relief) = options.relief.filter(|relief| !(0.0..=65_535.0).contains(relief)) {
        return Err(Error::Invalid(format!("a relief of {relief} cubes: it must be from 0 to 65535")));
    }
    let (mut file, bytes) = read(path)?;
    let begin = file.fill_buf().map_err(|error| unreadable(path, error))?;
    match Format::of(begin, path) {
        Some(Format::Heights) => {
            let map = heights::read(file, bytes).map_err(|trouble| trouble.of(path))?;
            let colors = options.colors.as_deref().map(|colors| {
                let (file, bytes) = read(colors)?;
                heights::colors(file, bytes).map_err(|trouble| trouble.of(colors))
            });
            let columns = Columns::new(map, options.relief, colors.transpose()?).map_err(|trouble| trouble.of(path))?;
            Ok(CubeFile { kind: Kind::Columns(columns), half_edge: options.half_edge.unwrap_or(0.5) })
        }
        Some(_) if options.colors.is_some() => {
            Err(Error::Invalid(format!("{} is no PNG height map, so no colours go over it", path.display())))
        }
        Some(Format::Ply) => points(path, options, ply::read(file, bytes)),
        Some(Format::Table) => points(path, options, table::read(file)),
        None => Err(Trouble::at_byte(
            0,
            "it begins like no PLY and no PNG, and is not named .csv, .xyz, .txt, .asc, .pts or .tsv; convert it to one of these",
        )
        .of(path)),
    }
}

fn points(path: &Path, options: &FileOptions, read: Result<Points, Trouble>) -> Result<CubeFile> {
    let points = read.map_err(|trouble| trouble.of(path))?;
    if points.len() == 0 {
        return Err(Trouble::at_line(1, "there is no point in it; give a file with at least one").of(path));
    }
    let half_edge = options.half_edge.unwrap_or_else(|| spacing::of(&points) * 0.5);
    Ok(CubeFile { kind: Kind::Points(points), half_edge })
}

/// A file, buffered, and its bytes.
fn read(path: &Path) -> Result<(BufReader<File>, u64)> {
    let open = || {
        let mut file = File::open(path)?;
        let bytes = file.seek(std::io::SeekFrom::End(0))?;
        file.rewind()?;
        Ok((BufReader::with_capacity(BUFFER, file), bytes))
    };
    open().map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::Io { path: path.display().to_string(), source: Arc::new(error) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Ply,
    Heights,
    Table,
}

impl Format {
    /// By how a file begins and what it is called.
    fn of(begin: &[u8], path: &Path) -> Option<Self> {
        let end = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase());
        match end.as_deref() {
            _ if begin.starts_with(b"\x89PNG\r\n\x1a\n") => Some(Self::Heights),
            _ if begin.starts_with(b"ply\n") || begin.starts_with(b"ply\r") => Some(Self::Ply),
            // These say what is wrong with how it begins.
            Some("ply") => Some(Self::Ply),
            Some("png") => Some(Self::Heights),
            Some("csv" | "xyz" | "txt" | "asc" | "pts" | "tsv") => Some(Self::Table),
            _ => None,
        }
    }
}

impl CubeFile {
    /// Half the edge of its cubes, in the file's units.
    #[must_use]
    pub fn half_edge(&self) -> f32 {
        self.half_edge
    }

    /// What was taken off the file's coordinates, so that 32 bits are enough for the rest: not zero only if they begin beyond
    /// 65,536, as those of maps do.
    #[must_use]
    pub fn origin(&self) -> DVec3 {
        match &self.kind {
            Kind::Points(points) => points.origin(),
            Kind::Columns(_) => DVec3::ZERO,
        }
    }
}

impl InstanceSource for CubeFile {
    fn len(&self) -> usize {
        match &self.kind {
            Kind::Points(points) => points.len(),
            Kind::Columns(columns) => columns.len(),
        }
    }

    fn bounds(&self) -> Bounds {
        let (min, max) = match &self.kind {
            Kind::Points(points) => points.extent(),
            Kind::Columns(columns) => columns.extent(2.0 * self.half_edge),
        };
        Bounds { min: min - self.half_edge, max: max + self.half_edge }
    }

    fn instance(&self, index: usize) -> Instance {
        let (position, color) = match &self.kind {
            Kind::Points(points) => points.at(index),
            Kind::Columns(columns) => columns.at(index, 2.0 * self.half_edge),
        };
        Instance { position: position.to_array(), half_edge: self.half_edge, color }
    }
}
