//! Point clouds in the PLY format: the header and binary elements are `ply-rs-bw`'s to read.

mod header;
mod vertex;

use std::io::{BufRead, Read};

use ply_rs_bw::{
    parser::Parser,
    ply::{ElementDef, Encoding, PropertyType},
};

use self::{header::Header, vertex::Vertex};
use super::{
    place::{Counted, Trouble, number, quoted},
    points::Points,
};

/// The points of a file of `bytes` bytes.
pub(super) fn read(file: impl BufRead, bytes: u64) -> Result<Points, Trouble> {
    let mut file = Counted::new(file);
    let header = Header::read(&mut file, bytes)?;
    let mut points = Points::new(header.colored);
    for element in &header.before {
        each(&mut file, &header, element, |_| Ok(()))?;
    }
    each(&mut file, &header, &header.vertex, |vertex| {
        points.push(vertex.place(), header.colored.then(|| vertex.shade()))
    })?;
    Ok(points)
}

/// Hands each item of an element to `take`, which says why it will not have it.
fn each<R: BufRead>(
    file: &mut Counted<R>,
    header: &Header,
    element: &ElementDef,
    mut take: impl FnMut(Vertex) -> Result<(), String>,
) -> Result<(), Trouble> {
    let mut line = Vec::new();
    for item in 0..element.count {
        let begin = file.bytes;
        let short = |at| {
            let claimed = format!(
                "the header claims {} of `{}`, and the file ends in number {}",
                element.count,
                element.name,
                item + 1
            );
            Trouble::at_byte(at, claimed + "; write it again, whole")
        };
        match header.encoding {
            Encoding::Ascii => {
                loop {
                    if !file.line(&mut line)? {
                        return Err(short(begin));
                    }
                    if !line.trim_ascii().is_empty() {
                        break;
                    }
                }
                let taken = ascii(&line, element).and_then(&mut take);
                taken.map_err(|reason| Trouble::at_line(file.lines, reason))?;
            }
            encoding => {
                let vertex = binary(file, element, encoding).map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => short(begin),
                    _ => Trouble::at_byte(begin, first_line(&error.to_string())),
                })?;
                take(vertex).map_err(|reason| Trouble::at_byte(begin, reason))?;
            }
        }
    }
    Ok(())
}

fn binary(
    file: &mut impl Read,
    element: &ElementDef,
    encoding: Encoding,
) -> Result<Vertex, ply_rs_bw::parser::ParseError> {
    let parser = Parser::<Vertex>::new();
    match encoding {
        Encoding::BinaryBigEndian => parser.read_big_endian_element(file, element),
        _ => parser.read_little_endian_element(file, element),
    }
}

/// A line's numbers, one a property. The crate's reader takes no `.5` and no `nan`, which programs write.
fn ascii(line: &[u8], element: &ElementDef) -> Result<Vertex, String> {
    let mut vertex = Vertex::default();
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    for (name, property) in &element.properties {
        let field =
            fields.next().ok_or_else(|| format!("it ends before `{name}`; write a number for each property"))?;
        let value = number(field).ok_or_else(|| format!("`{name}` is {}, which is not a number", quoted(field)))?;
        match &property.data_type {
            PropertyType::Scalar(of) => vertex.set(name, value, of),
            PropertyType::List(..) => {
                // A negative or absurd length ends with the line.
                for _ in 0..value as u64 {
                    fields.next().ok_or_else(|| format!("it ends within the list `{name}`"))?;
                }
            }
        }
    }
    Ok(vertex)
}

/// Of a message of several.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
