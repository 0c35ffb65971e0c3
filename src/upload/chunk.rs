//! Chunks of loads: how large they are, and who fills them.

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use ash::vk;

use super::{
    data::Source,
    mailbox::{Mailbox, News},
    staging::Span,
};
use crate::{
    error::{Error, Result, panic_message},
    gpu::helpers::Helpers,
    resource::{BufferInner, Spot},
};

const MIB: u64 = 1 << 20;

/// A chunk is this long while frames upload, too: theirs wait behind it. On PCIe 5 it takes 45 µs.
const SHORT: u64 = 2 * MIB;
/// While no frame waits, submissions of 2 MiB reach 0.89 of the speed of a large copy, of 4 MiB 0.96, of 8 MiB 0.98, and of
/// 16 MiB all of it (docs/numbers.md). What must be filled first is cut finer, so that the copies begin early.
const LONG_FILLED: u64 = 4 * MIB;
const LONG: u64 = 16 * MIB;
/// The first chunks are short, and each next one as long as all before it: the copies begin when the first is filled.
const FIRST: u64 = MIB;
/// What one thread fills at a time.
const PIECE: u64 = MIB / 4;

/// How long the chunk is that begins at byte `at` of a load: a multiple of `grain`, which is no longer than `longest`, the most
/// that can be staged.
pub(super) fn length(at: u64, needs_staging: bool, frames: bool, grain: u64, longest: u64) -> u64 {
    let most = match (frames, needs_staging) {
        (true, true) => SHORT.min(longest),
        (true, false) => SHORT,
        (false, true) => at.clamp(FIRST, LONG_FILLED).min(longest),
        (false, false) => LONG,
    };
    (most / grain * grain).max(grain)
}

/// Some bytes of a load, on their way to where the GPU reads them, or there.
pub(super) struct Chunk {
    pub(super) range: Range<u64>,
    pub(super) from: Origin,
    /// Pieces that are not filled yet.
    pub(super) unfilled: usize,
}

impl Chunk {
    pub(super) fn bytes(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// Where the GPU reads a chunk.
#[derive(Clone)]
pub(super) enum Origin {
    /// In staging memory, from this byte of the span on.
    Span(Arc<Span>, u64),
    Mapped(Arc<BufferInner>, u64),
}

impl Origin {
    pub(super) fn spot(&self) -> Spot {
        match self {
            Self::Span(span, at) => Spot { raw: span.raw(), offset: span.offset() + at },
            Self::Mapped(buffer, at) => Spot { raw: buffer.raw().unwrap_or(vk::Buffer::null()), offset: *at },
        }
    }
}

/// Has a chunk's pieces written into `span` by the threads of `fill`, and gives their number. Each tells the mailbox.
///
/// # Errors
/// [`Error::Closed`], or there is no thread.
#[expect(clippy::too_many_arguments, reason = "a chunk in its parts")]
pub(super) fn fill(
    fill: &Helpers,
    mailbox: &Arc<Mailbox>,
    (load, chunk): (u64, u64),
    urgent: bool,
    source: &Source,
    range: &Range<u64>,
    span: &Arc<Span>,
    grain: u64,
) -> Result<usize> {
    let piece = (PIECE / grain * grain).max(grain);
    let mut count = 0;
    for start in range.clone().step_by(piece as usize) {
        let part = start..(start + piece).min(range.end);
        let (source, span, mailbox) = (source.clone(), Arc::clone(span), Arc::clone(mailbox));
        let at = start - range.start;
        fill.spawn(urgent, move || {
            let outcome = write(&source, part, &span, at);
            drop(span); // before anyone learns of it, who may be waiting for room
            mailbox.tell(News::Filled { load, chunk, outcome });
        })?;
        count += 1;
    }
    Ok(count)
}

/// Writes bytes of the source from byte `at` of the span on.
fn write(source: &Source, part: Range<u64>, span: &Span, at: u64) -> Result<()> {
    let len = (part.end - part.start) as usize;
    // SAFETY: the piece lies within the span, is no other piece's, and the GPU gets the span when all are written. Mapped
    // memory holds some bytes from the start.
    let place = unsafe { std::slice::from_raw_parts_mut(span.start().add(at as usize).as_ptr(), len) };
    match source {
        Source::Generated(generate) => {
            catch_unwind(AssertUnwindSafe(|| generate(part, place))).map_err(|payload| Error::HelperPanicked {
                task: "generating data to upload".into(),
                message: panic_message(&*payload),
            })?;
        }
        _ => {
            // The GPU reads what is not in ordinary memory where it is.
            if let Some(bytes) = source.host_bytes() {
                place.copy_from_slice(&bytes[part.start as usize..part.end as usize]);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_that_are_filled_begin_short_and_double() {
        let mut at = 0;
        let lengths = std::iter::from_fn(|| {
            let length = length(at, true, false, 1, 16 * MIB);
            at += length;
            Some(length / MIB)
        });
        assert_eq!(lengths.take(6).collect::<Vec<_>>(), [1, 1, 2, 4, 4, 4]);
    }

    #[test]
    fn beside_frames_no_chunk_is_longer_than_2_mib() {
        for (at, staging) in [(0, true), (64 * MIB, true), (0, false), (64 * MIB, false)] {
            assert!(length(at, staging, true, 1, 16 * MIB) <= 2 * MIB);
        }
        assert_eq!(length(0, false, false, 1, 16 * MIB), 16 * MIB);
    }

    #[test]
    fn no_chunk_is_longer_than_what_can_be_staged() {
        for frames in [false, true] {
            assert_eq!(length(64 * MIB, true, frames, 1, 1000), 1000);
            assert_eq!(length(64 * MIB, true, frames, 300, 1000), 900);
        }
    }

    #[test]
    fn no_element_is_cut() {
        assert_eq!(length(0, false, true, 12, 16 * MIB) % 12, 0);
        assert_eq!(length(0, true, false, 3 * MIB, 16 * MIB), 3 * MIB, "one element, though longer than a first chunk");
    }
}
