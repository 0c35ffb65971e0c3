//! Points as lines of text: CSV and XYZ.

use std::io::{BufRead, Seek, SeekFrom};

use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use glam::DVec3;

use super::{
    place::{Counted, Trouble, number, quoted},
    points::{Points, Shade},
};

/// What stands between columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Separator {
    Byte(u8),
    Spaces,
}

impl Separator {
    /// By a line that has columns.
    fn of(line: &[u8]) -> Self {
        let byte = [b';', b',', b'\t'].into_iter().find(|byte| line.contains(byte));
        byte.map_or(Self::Spaces, Self::Byte)
    }
}

/// Which columns are which.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Layout {
    place: [usize; 3],
    color: Option<[usize; 3]>,
    /// Whether the first line is of names.
    named: bool,
}

impl Layout {
    /// By the fields of the first line.
    fn of(fields: &[&[u8]]) -> Result<Self, String> {
        if fields.iter().take(3).all(|field| number(field).is_some()) {
            if fields.len() < 3 {
                return Err(format!("{} columns; a point needs three, x y z", fields.len()));
            }
            return Ok(Self { place: [0, 1, 2], color: (fields.len() >= 6).then_some([3, 4, 5]), named: false });
        }
        let names: Vec<String> = fields.iter().map(|field| name(field)).collect();
        let find = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
        let all = |columns: [Option<usize>; 3]| Some([columns[0]?, columns[1]?, columns[2]?]);
        let place = all([find(&["x"]), find(&["y"]), find(&["z"])]);
        let color = all([find(&["r", "red"]), find(&["g", "green"]), find(&["b", "blue"])]);
        let Some(place) = place else {
            let first = quoted(fields.first().copied().unwrap_or_default());
            return Err(format!("neither numbers nor the names of columns x, y and z; it begins with {first}"));
        };
        Ok(Self { place, color, named: true })
    }

    /// The point of a line's fields.
    fn point(&self, fields: &[&[u8]]) -> Result<(DVec3, Option<Shade>), String> {
        let at = |column: usize| match fields.get(column) {
            None => Err(format!("{} columns, but number {} is needed", fields.len(), column + 1)),
            Some(field) => number(field).ok_or_else(|| format!("{} is not a number", quoted(field))),
        };
        let [x, y, z] = self.place;
        let place = DVec3::new(at(x)?, at(y)?, at(z)?);
        let Some([r, g, b]) = self.color else { return Ok((place, None)) };
        let channels = [at(r)?, at(g)?, at(b)?];
        if channels.iter().any(|channel| !(0.0..=255.0).contains(channel)) {
            return Err(format!("a colour of {channels:?}; channels go from 0 to 255, or to 1"));
        }
        Ok((place, Some(Shade::Number(channels.map(|channel| channel as f32)))))
    }
}

/// A column's name as it is looked for: `//X` and `"x"` are x.
fn name(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    text.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase()
}

/// The points of a file.
pub(super) fn read(mut file: impl BufRead + Seek) -> Result<Points, Trouble> {
    let separator = separator(&mut file)?;
    file.rewind()?;
    let mut reading = Reading { layout: None, points: Points::new(false) };
    match separator {
        None => {}
        Some(Separator::Spaces) => spaced(file, &mut reading)?,
        Some(Separator::Byte(byte)) => separated(file, byte, &mut reading)?,
    }
    Ok(reading.points)
}

/// What separates the columns of the first line that has some.
fn separator(file: impl BufRead) -> Result<Option<Separator>, Trouble> {
    let mut file = Counted::new(file);
    let mut line = Vec::new();
    while file.line(&mut line)? {
        let text = bare(&line).trim_ascii();
        if !text.is_empty() && !comment(text) {
            return Ok(Some(Separator::of(text)));
        }
    }
    Ok(None)
}

/// Without the mark that some programs begin UTF-8 with.
fn bare(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

fn comment(text: &[u8]) -> bool {
    text.starts_with(b"#") || text.starts_with(b"//")
}

/// A file being read, line by line.
struct Reading {
    /// From its first line.
    layout: Option<Layout>,
    points: Points,
}

impl Reading {
    fn row(&mut self, fields: &[&[u8]]) -> Result<(), String> {
        let comment = fields.first().is_some_and(|first| comment(first));
        let Some(layout) = &self.layout else { return self.first(fields, comment) };
        if comment {
            return Ok(());
        }
        let (place, shade) = layout.point(fields)?;
        self.points.push(place, shade)
    }

    /// A line before the first point. Of comments there, one that names the columns counts.
    fn first(&mut self, fields: &[&[u8]], comment: bool) -> Result<(), String> {
        let names = if comment && name(fields[0]).is_empty() { &fields[1..] } else { fields };
        let layout = match Layout::of(names) {
            Ok(layout) if layout.named || !comment => layout,
            Err(reason) if !comment => return Err(reason),
            _ => return Ok(()),
        };
        self.points = Points::new(layout.color.is_some());
        let named = layout.named;
        self.layout = Some(layout);
        if named { Ok(()) } else { self.row(fields) }
    }
}

type Fields<'a> = Vec<&'a [u8]>;

fn spaced(file: impl BufRead, reading: &mut Reading) -> Result<(), Trouble> {
    let mut file = Counted::new(file);
    let mut line = Vec::new();
    while file.line(&mut line)? {
        let fields = bare(&line).split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
        let fields: Fields<'_> = fields.collect();
        if !fields.is_empty() {
            reading.row(&fields).map_err(|reason| Trouble::at_line(file.lines, reason))?;
        }
    }
    Ok(())
}

fn separated(file: impl BufRead + Seek, separator: u8, reading: &mut Reading) -> Result<(), Trouble> {
    let mut rows = ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(file);
    let mut row = ByteRecord::new();
    loop {
        let more = rows.read_byte_record(&mut row).map_err(|error| match error.into_kind() {
            ErrorKind::Io(error) => Trouble::Io(error),
            other => Trouble::at_byte(0, format!("{other:?}")),
        })?;
        if !more {
            return Ok(());
        }
        let fields: Fields<'_> = row.iter().map(|field| bare(field).trim_ascii()).collect();
        if fields.iter().all(|field| field.is_empty()) {
            continue;
        }
        if let Err(reason) = reading.row(&fields) {
            return Err(Trouble::at_line(line_of(&row, rows.into_inner())?, reason));
        }
    }
}

/// The line of a row. The crate's position is where the row before ended: empty lines may follow.
fn line_of(row: &ByteRecord, mut file: impl BufRead + Seek) -> Result<u64, Trouble> {
    let Some(position) = row.position() else { return Ok(0) };
    file.seek(SeekFrom::Start(position.byte()))?;
    let mut line = position.line();
    loop {
        let bytes = file.fill_buf()?;
        let ends = bytes.iter().take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let skipped = ends.clone().count();
        line += ends.filter(|&&byte| byte == b'\n').count() as u64;
        if skipped == 0 || skipped < bytes.len() {
            return Ok(line);
        }
        file.consume(skipped);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn points(text: &str) -> Vec<([f32; 3], u32)> {
        let points = read(Cursor::new(text)).expect("points");
        (0..points.len()).map(|index| points.at(index)).map(|(place, color)| (place.to_array(), color)).collect()
    }

    #[track_caller]
    fn refused(text: &str, line: u64, words: &str) {
        match read(Cursor::new(text)) {
            Err(Trouble::Malformed { place, reason }) => {
                assert_eq!(place, format!("line {line}"), "{reason}");
                assert!(reason.contains(words), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_separator_gives_the_same_points() {
        let red = [([1.0, 2.0, 3.5], 0xff00_00ff), ([-4.0, 0.0, 1e3], 0xff01_00fe)];
        for text in [
            "1 2 3.5 255 0 0\n-4 0 1e3 254 0 1",
            "1,2,3.5,255,0,0\n-4,0,1e3,254,0,1\n",
            "1;2;3.5;255;0;0\r\n-4;0;1e3;254;0;1\r\n",
            "1\t2\t3.5\t255\t0\t0\n-4\t0\t1e3\t254\t0\t1",
            "  1   2 3.5  255 0 0 \n\n-4 0 1e3 254 0 1 99\n",
            "1, 2, 3.5, 255, 0, 0\n\n-4, 0, 1e3, 254, 0, 1\n",
            "# made by hand\n1 2 3.5 255 0 0\n// and\n-4 0 1e3 254 0 1\n",
            "\u{feff}1 2 3.5 255 0 0\n-4 0 1e3 254 0 1\n",
        ] {
            assert_eq!(points(text), red, "{text:?}");
        }
    }

    #[test]
    fn a_line_of_names_says_which_column_is_which() {
        let green = [([1.0, 2.0, 3.0], 0xff00_ff00)];
        for text in [
            "x,y,z,red,green,blue\n1,2,3,0,1,0\n",
            "\"Z\";\"Intensity\";\"X\";\"Y\";\"b\";\"g\";\"r\"\n3;9;1;2;0;1.0;0\n",
            "//X Y Z R G B\n1 2 3 0 255 0\n",
            "# x y z r g b\n1 2 3 0 255 0\n",
        ] {
            assert_eq!(points(text), green, "{text:?}");
        }
    }

    #[test]
    fn a_file_without_points_has_none() {
        for text in ["", "\n\n", "# nothing\n", "x y z\n"] {
            assert_eq!(points(text), [], "{text:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        refused("1 2\n", 1, "2 columns");
        refused("1 2 3\n\n4 5\n", 3, "number 3 is needed");
        refused("1,2,3\n\n\n4,five,6\n", 4, "`five` is not a number");
        refused("1,2,3\r\n4,5,6\r\n\r\nseven,8,9\r\n", 4, "`seven`");
        refused("x,y,z\n1,2,\n", 2, "`` is not a number");
        refused("1 2 nan\n", 1, "nowhere");
        refused("1 2 3\n4 -inf 6\n", 2, "nowhere");
        refused("1 2 3 0 0 256\n", 1, "channels go from 0 to 255");
        refused("name,size\n1,2\n", 1, "the names of columns x, y and z");
        refused("\u{0}\u{1}\u{2} binary\n", 1, "neither numbers nor");
    }
}
