//! Where the numbers of host data are, to compare with what a shader expects.

use crate::spirv::{Number, NumberKind};

/// The numbers in a type of data.
#[derive(Clone, Copy, Debug)]
pub enum Layout {
    /// Nothing is known of so many bytes.
    Unknown(usize),
    /// An integer of so many bytes.
    Integer(usize),
    /// A floating-point number of so many bytes.
    Float(usize),
    /// So many elements, one after the other: of this layout, each so many bytes.
    Array(&'static Layout, usize, usize),
    /// Fields: name, first byte, layout.
    Fields(&'static [(&'static str, usize, &'static Layout)]),
}

/// A piece of host data: a number, or bytes of which nothing is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) at: usize,
    pub(crate) bytes: usize,
    /// `None`: not known.
    pub(crate) kind: Option<NumberKind>,
    pub(crate) path: String,
}

impl Layout {
    /// Its numbers, in the order of their bytes.
    pub(crate) fn pieces(&self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.add(0, String::new(), &mut pieces);
        pieces.sort_by_key(|piece| piece.at);
        pieces
    }

    fn add(&self, at: usize, path: String, to: &mut Vec<Piece>) {
        let mut piece = |bytes, kind| to.push(Piece { at, bytes, kind, path: path.clone() });
        match *self {
            Self::Unknown(bytes) => piece(bytes, None),
            Self::Integer(bytes) => piece(bytes, Some(NumberKind::Integer)),
            Self::Float(bytes) => piece(bytes, Some(NumberKind::Float)),
            Self::Array(of, count, bytes) => {
                for index in 0..count {
                    of.add(at + index * bytes, format!("{path}[{index}]"), to);
                }
            }
            Self::Fields(fields) => {
                for (name, offset, of) in fields {
                    of.add(at + offset, format!("{path}.{name}"), to);
                }
            }
        }
    }
}

/// Whether data of this layout is what a shader expects; else what is wrong, as a part of a sentence.
///
/// Each number of the shader must be where the data has one of its kind. What the data has beyond that, the shader does not look at.
///
/// # Errors
/// The first number that is not there.
pub(crate) fn check(expected: &[Number], pieces: &[Piece], size: usize) -> Result<(), String> {
    expected.iter().try_for_each(|number| check_number(number, pieces, size))
}

fn check_number(number: &Number, pieces: &[Piece], size: usize) -> Result<(), String> {
    let (start, end) = (number.at as usize, (number.at + number.bytes) as usize);
    let within: Vec<_> = pieces.iter().filter(|piece| piece.at < end && start < piece.at + piece.bytes).collect();
    let wants = format!("the shader expects {} at byte {start}", told(number));
    if end > size {
        return Err(format!("{wants}, and there are {size} bytes"));
    }
    // Of bytes of which nothing is known, nothing can be wrong.
    if within.iter().any(|piece| piece.kind.is_none()) {
        return Ok(());
    }
    let fits = |piece: &&Piece| (piece.at, piece.bytes) == (start, end - start) && is_same(number.kind, piece.kind);
    let halves = |piece: &&Piece| piece.bytes * 2 == end - start && piece.kind == Some(NumberKind::Integer);
    match &within[..] {
        [one] if fits(one) => Ok(()),
        // Half of an address.
        [whole] if number.bytes == 4 && is_half(whole, start) && number.kind == NumberKind::Integer => Ok(()),
        // An address may be written as two words.
        [low, high] if number.bytes == 8 && number.kind != NumberKind::Float && halves(low) && halves(high) => Ok(()),
        [] => Err(format!("{wants}, where there is padding")),
        [first, ..] => Err(format!("{wants}, where there is {}", piece_told(first))),
    }
}

fn is_half(whole: &Piece, start: usize) -> bool {
    whole.bytes == 8 && whole.kind == Some(NumberKind::Integer) && (whole.at == start || whole.at + 4 == start)
}

fn is_same(expected: NumberKind, has: Option<NumberKind>) -> bool {
    (expected == NumberKind::Float) == (has == Some(NumberKind::Float))
}

fn told(number: &Number) -> String {
    let kind = match number.kind {
        NumberKind::Address => "address".to_owned(),
        NumberKind::Integer => format!("{}-bit integer", number.bytes * 8),
        NumberKind::Float => format!("{}-bit float", number.bytes * 8),
    };
    match number.path.trim_start_matches('.') {
        "" if number.kind == NumberKind::Address => "an address".to_owned(),
        "" => format!("a {kind}"),
        path => format!("the {kind} `{path}`"),
    }
}

fn piece_told(piece: &Piece) -> String {
    let kind = if piece.kind == Some(NumberKind::Float) { "float" } else { "integer" };
    let bits = piece.bytes * 8;
    match piece.path.trim_start_matches('.') {
        "" => format!("a {bits}-bit {kind} at byte {}", piece.at),
        path => format!("the {bits}-bit {kind} `{path}` at byte {}", piece.at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(at: u32, bytes: u32, kind: NumberKind, path: &str) -> Number {
        Number { at, bytes, kind, path: path.to_owned() }
    }

    const PUSH: Layout = Layout::Fields(&[
        ("x", 0, &Layout::Integer(8)),
        ("scale", 8, &Layout::Float(4)),
        ("counts", 12, &Layout::Array(&Layout::Integer(4), 2, 4)),
    ]);

    #[test]
    fn numbers_that_are_where_the_shader_expects_them_are_right() {
        let pieces = PUSH.pieces();
        let expected = [
            number(0, 8, NumberKind::Address, ".x"),
            number(8, 4, NumberKind::Float, ".a"),
            number(12, 4, NumberKind::Integer, ".n"),
            number(12, 8, NumberKind::Integer, ".both"),
            number(0, 4, NumberKind::Integer, ".low"),
            number(4, 4, NumberKind::Integer, ".high"),
        ];
        assert_eq!(check(&expected, &pieces, 20), Ok(()));
        assert_eq!(check(&[number(4, 4, NumberKind::Float, "")], &Layout::Unknown(8).pieces(), 8), Ok(()), "not known");
    }

    #[test]
    fn a_number_of_another_kind_or_place_is_named_with_what_is_there() {
        let pieces = PUSH.pieces();
        let wrong = |expected| check(&[expected], &pieces, 20).expect_err("wrong");
        let told = wrong(number(8, 4, NumberKind::Integer, ".n"));
        assert_eq!(
            told,
            "the shader expects the 32-bit integer `n` at byte 8, where there is the 32-bit float `scale` at byte 8"
        );
        let told = wrong(number(4, 4, NumberKind::Float, ".n"));
        assert_eq!(
            told,
            "the shader expects the 32-bit float `n` at byte 4, where there is the 64-bit integer `x` at byte 0"
        );
        let told = wrong(number(20, 4, NumberKind::Float, ".b[2]"));
        assert_eq!(told, "the shader expects the 32-bit float `b[2]` at byte 20, and there are 20 bytes");
        assert!(wrong(number(8, 8, NumberKind::Address, ".y")).contains("the address `y`"));
    }
}
