//! Height maps and their colours, from PNG files.

use std::io::{BufRead, Seek};

use png::{BitDepth, ColorType, Decoder, Limits, Transformations};

use super::place::Trouble;

/// Deflate packs no tighter, by its format.
const TIGHTEST: u64 = 1032;
/// Of what is not compressed so well: headers, and a filter's byte a row.
const SLACK: u64 = 1 << 16;
/// Of the decoder's own memory; rows of 65,535 pixels take half a megabyte.
const DECODER: usize = 1 << 26;

/// Heights from 0 to 65,535, row by row.
pub(super) struct HeightMap {
    pub(super) size: [u32; 2],
    pub(super) heights: Vec<u16>,
}

/// A picture's colours as sRGB bytes, row by row.
#[derive(Debug)]
pub(super) struct Colors {
    pub(super) size: [u32; 2],
    pub(super) texels: Vec<u32>,
}

/// A picture as it is in its file.
struct Raw {
    size: [u32; 2],
    kind: ColorType,
    /// Bytes a channel, 1 or 2.
    depth: usize,
    bytes: Vec<u8>,
}

/// The heights of a file of `bytes` bytes.
pub(super) fn read(file: impl BufRead + Seek, bytes: u64) -> Result<HeightMap, Trouble> {
    let raw = decode(file, bytes)?;
    let colored = matches!(raw.kind, ColorType::Rgb | ColorType::Rgba);
    let heights = raw.pixels().map(|pixel| {
        let channel = |n: usize| u32::from(raw.channel(pixel, n));
        // Luminance of the coded values, in 1/65,536.
        let weighted = || (13_933 * channel(0) + 46_871 * channel(1) + 4_732 * channel(2)) >> 16;
        if colored { weighted() as u16 } else { raw.channel(pixel, 0) }
    });
    Ok(HeightMap { size: raw.size, heights: heights.collect() })
}

/// The colours of a file of `bytes` bytes.
pub(super) fn colors(file: impl BufRead + Seek, bytes: u64) -> Result<Colors, Trouble> {
    let raw = decode(file, bytes)?;
    let from = if matches!(raw.kind, ColorType::Rgb | ColorType::Rgba) { [0, 1, 2] } else { [0; 3] };
    let texels = raw.pixels().map(|pixel| {
        let [r, g, b] = from.map(|n| (raw.channel(pixel, n) >> 8) as u8);
        u32::from_le_bytes([r, g, b, u8::MAX])
    });
    Ok(Colors { size: raw.size, texels: texels.collect() })
}

impl Raw {
    fn pixels(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes.chunks_exact(self.kind.samples() * self.depth)
    }

    /// A channel as 16 bits: the high byte's repeated if that is all there is.
    fn channel(&self, pixel: &[u8], n: usize) -> u16 {
        match self.depth {
            2 => u16::from_be_bytes([pixel[2 * n], pixel[2 * n + 1]]),
            _ => u16::from(pixel[n]) * 257,
        }
    }
}

fn decode(mut file: impl BufRead + Seek, bytes: u64) -> Result<Raw, Trouble> {
    let mut decoder = Decoder::new_with_limits(&mut file, Limits { bytes: DECODER });
    // Palettes become colours, and less than 8 bits 8.
    decoder.set_transformations(Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let decoded = unpack(decoder, bytes);
    decoded.map_err(|reason| Trouble::at_byte(file.stream_position().unwrap_or_default(), reason))
}

fn unpack<R: BufRead + Seek>(mut decoder: Decoder<R>, bytes: u64) -> Result<Raw, String> {
    let broken = |error: png::DecodingError| match error {
        png::DecodingError::LimitsExceeded => "its chunks are too large for a picture".to_owned(),
        error => format!("no PNG that can be read: {error}; write it again, whole"),
    };
    let info = decoder.read_header_info().map_err(broken)?;
    let size = [info.width, info.height];
    let packed = info.raw_bytes() as u64;
    if packed > bytes.saturating_mul(TIGHTEST) + SLACK {
        let [width, height] = size;
        return Err(format!(
            "it claims {width} x {height} pixels, more than {bytes} bytes can hold; it is cut off or broken"
        ));
    }
    let mut reader = decoder.read_info().map_err(broken)?;
    let room = reader.output_buffer_size().ok_or_else(|| "it is too large for this machine".to_owned())?;
    let mut unpacked = vec![0; room];
    let frame = reader.next_frame(&mut unpacked).map_err(broken)?;
    reader.finish().map_err(broken)?;
    unpacked.truncate(frame.buffer_size());
    let depth = if frame.bit_depth == BitDepth::Sixteen { 2 } else { 1 };
    Ok(Raw { size, kind: frame.color_type, depth, bytes: unpacked })
}
