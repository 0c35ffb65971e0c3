//! Where in a file something is wrong.

use std::{
    io::{self, BufRead, Read},
    path::Path,
    sync::Arc,
};

use crate::error::Error;

/// The longest line that is read: no number needs as much, and a file without lines is not read as one.
pub(super) const LONGEST_LINE: u64 = 1 << 16;

/// What is wrong, before the file's name is known.
#[derive(Debug)]
pub(super) enum Trouble {
    Io(io::Error),
    Malformed { place: String, reason: String },
}

impl Trouble {
    pub(super) fn at_line(line: u64, reason: impl Into<String>) -> Self {
        Self::Malformed { place: format!("line {line}"), reason: reason.into() }
    }

    pub(super) fn at_byte(byte: u64, reason: impl Into<String>) -> Self {
        Self::Malformed { place: format!("byte {byte}"), reason: reason.into() }
    }

    pub(super) fn of(self, path: &Path) -> Error {
        let path = path.display().to_string();
        match self {
            Self::Io(error) => Error::Io { path, source: Arc::new(error) },
            Self::Malformed { place, reason } => Error::Malformed { path, place, reason },
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A reader that knows how far it is.
pub(super) struct Counted<R> {
    inner: R,
    /// Bytes read.
    pub(super) bytes: u64,
    /// Lines read by [`line`](Self::line).
    pub(super) lines: u64,
}

impl<R: BufRead> Counted<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, bytes: 0, lines: 0 }
    }

    /// The next line without its end, into `line`; `false` at the file's end.
    pub(super) fn line(&mut self, line: &mut Vec<u8>) -> Result<bool, Trouble> {
        line.clear();
        let read = (&mut self.inner).take(LONGEST_LINE).read_until(b'\n', line)? as u64;
        self.bytes += read;
        if read == 0 {
            return Ok(false);
        }
        self.lines += 1;
        if read == LONGEST_LINE && line.last() != Some(&b'\n') {
            let reason =
                format!("it is longer than {LONGEST_LINE} bytes; is it text? Put each point on a line of its own");
            return Err(Trouble::at_line(self.lines, reason));
        }
        while line.last().is_some_and(|end| matches!(end, b'\n' | b'\r')) {
            line.pop();
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// What was found instead of something, short enough for an error's line.
pub(super) fn quoted(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(&field[..field.len().min(40)]);
    let clean: String = text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
    let more = if field.len() > 40 { "…" } else { "" };
    format!("`{clean}{more}`")
}

/// A field as a number.
pub(super) fn number(field: &[u8]) -> Option<f64> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_lose_their_ends() {
        let mut text = Counted::new(&b"one\r\n\ntwo"[..]);
        let mut line = Vec::new();
        let mut next = || text.line(&mut line).expect("readable").then(|| line.clone());
        assert_eq!(
            [next(), next(), next(), next()],
            [Some(b"one".into()), Some(b"".into()), Some(b"two".into()), None]
        );
        assert_eq!((text.lines, text.bytes), (3, 9));
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_is_held() {
        let endless = vec![b'7'; 3 * LONGEST_LINE as usize];
        let mut line = Vec::new();
        let refused = Counted::new(&endless[..]).line(&mut line);
        assert!(matches!(refused, Err(Trouble::Malformed { place, .. }) if place == "line 1"));
        assert!(line.capacity() <= 2 * LONGEST_LINE as usize);
    }
}
