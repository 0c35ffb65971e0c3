//! What a PLY file says it holds, and whether it can.

use std::io::BufRead;

use ply_rs_bw::{
    parser::{Parser, Reader},
    ply::{ElementDef, Encoding, PropertyType, ScalarType},
};

use super::{
    super::place::{Counted, Trouble},
    first_line,
    vertex::Vertex,
};

/// The longest header: most have some hundreds of bytes.
const LONGEST: usize = 1 << 20;

/// The part of a header that points come from.
pub(super) struct Header {
    pub(super) encoding: Encoding,
    /// Elements before the vertices, to be skipped.
    pub(super) before: Vec<ElementDef>,
    pub(super) vertex: ElementDef,
    /// Whether a vertex has a colour.
    pub(super) colored: bool,
}

impl Header {
    /// Reads to the header's end, in a file of `bytes` bytes.
    pub(super) fn read<R: BufRead>(file: &mut Counted<R>, bytes: u64) -> Result<Self, Trouble> {
        let text = text(file)?;
        let parsed = Parser::<Vertex>::new().read_header(&mut Reader::new(text.as_slice())).map_err(|error| {
            let reason = format!("no PLY header: {}", first_line(&error.to_string()));
            Trouble::at_line(error.line().unwrap_or(1) as u64, reason)
        })?;
        let elements: Vec<ElementDef> = parsed.elements.into_iter().map(|(_, element)| element).collect();
        unique(&text, &elements)?;
        let at = elements.iter().position(|element| element.name == "vertex");
        let Some(at) = at else {
            return Err(Trouble::at_line(
                file.lines,
                "the header has no element `vertex`, so there are no points in it",
            ));
        };
        fits(&elements[..=at], parsed.encoding, file.lines, bytes - file.bytes.min(bytes))?;
        let mut before = elements;
        before.truncate(at + 1);
        let vertex = before.remove(at);
        let has = |names: [&str; 3]| names.iter().all(|name| is_scalar(&vertex, name));
        if !has(["x", "y", "z"]) {
            let found: Vec<&str> = vertex.properties.iter().map(|(name, _)| name.as_str()).collect();
            let reason = format!("a vertex needs the numbers x, y and z; it has: {}", found.join(", "));
            return Err(Trouble::at_line(file.lines, reason));
        }
        let colored = Vertex::COLORS.iter().any(|names| has(*names));
        Ok(Self { encoding: parsed.encoding, before, vertex, colored })
    }
}

fn is_scalar(element: &ElementDef, name: &str) -> bool {
    element.properties.get(name).is_some_and(|property| matches!(property.data_type, PropertyType::Scalar(_)))
}

/// The header's lines, `end_header` included.
fn text<R: BufRead>(file: &mut Counted<R>) -> Result<Vec<u8>, Trouble> {
    let (mut text, mut line) = (Vec::new(), Vec::new());
    loop {
        if !file.line(&mut line)? {
            let reason = "the file ends before its header does, which needs a line `end_header`";
            return Err(Trouble::at_line(file.lines.max(1), reason));
        }
        if text.is_empty() && line.trim_ascii() != b"ply" {
            return Err(Trouble::at_line(1, "a PLY file begins with a line `ply`; is it another format?"));
        }
        if text.len() + line.len() > LONGEST {
            return Err(Trouble::at_line(file.lines, format!("the header is longer than {LONGEST} bytes")));
        }
        if std::str::from_utf8(&line).is_err() {
            return Err(Trouble::at_line(file.lines, "the header is not text"));
        }
        text.extend_from_slice(&line);
        text.push(b'\n');
        if line.trim_ascii() == b"end_header" {
            return Ok(text);
        }
    }
}

/// The crate keeps one of several elements or properties of a name; which columns the data has is unknown then.
fn unique(text: &[u8], elements: &[ElementDef]) -> Result<(), Trouble> {
    let lines = |keyword: &[u8]| {
        text.split(|&byte| byte == b'\n').filter(|line| line.trim_ascii_start().starts_with(keyword)).count()
    };
    let properties: usize = elements.iter().map(|element| element.properties.len()).sum();
    if lines(b"element") == elements.len() && lines(b"property") == properties {
        return Ok(());
    }
    let end = text.split(|&byte| byte == b'\n').count() as u64 - 1;
    Err(Trouble::at_line(end, "two elements of the header, or two properties of one, have one name; rename one"))
}

/// Whether a file of which `rest` bytes are left can hold these elements at all.
fn fits(elements: &[ElementDef], encoding: Encoding, line: u64, rest: u64) -> Result<(), Trouble> {
    let mut needed = 0u128;
    for element in elements {
        let each: u128 = element.properties.iter().map(|(_, property)| least(&property.data_type, encoding)).sum();
        if each == 0 && element.count > 0 {
            return Err(Trouble::at_line(line, format!("the element `{}` has no properties; remove it", element.name)));
        }
        needed += each * element.count as u128;
    }
    // The last number of a text needs nothing after it.
    if needed <= u128::from(rest) + 1 {
        return Ok(());
    }
    let claims: Vec<String> =
        elements.iter().map(|element| format!("{} of `{}`", element.count, element.name)).collect();
    let reason = format!(
        "the header claims {}, at least {needed} bytes, but {rest} follow it; the file is cut off or its counts are wrong",
        claims.join(" and ")
    );
    Err(Trouble::at_line(line, reason))
}

/// The fewest bytes a property takes: in a text a digit and what separates it from the next.
fn least(property: &PropertyType, encoding: Encoding) -> u128 {
    let scalar = match property {
        PropertyType::Scalar(scalar) | PropertyType::List(scalar, _) => scalar,
    };
    match (encoding, scalar) {
        (Encoding::Ascii, _) => 2,
        (_, ScalarType::Char | ScalarType::UChar) => 1,
        (_, ScalarType::Short | ScalarType::UShort) => 2,
        (_, ScalarType::Int | ScalarType::UInt | ScalarType::Float) => 4,
        (_, ScalarType::Double) => 8,
    }
}
