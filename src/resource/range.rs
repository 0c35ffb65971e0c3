//! Ranges of elements as ranges of bytes, checked.

use std::ops::Range;

use crate::error::{Error, Result};

/// The bytes of `elements` in the buffer called `name`, which has `len` elements of `size` bytes each.
///
/// # Errors
/// [`Error::Invalid`] if the range is reversed or reaches beyond the buffer.
pub(crate) fn byte_range(name: &str, elements: &Range<usize>, len: usize, size: usize) -> Result<Range<u64>> {
    let &Range { start, end } = elements;
    if start > end {
        return Err(Error::Invalid(format!("buffer `{name}`: the range {start}..{end} is reversed")));
    }
    if end > len {
        return Err(Error::Invalid(format!("buffer `{name}`: the range {start}..{end} is beyond its {len} elements")));
    }
    // Cannot overflow: the whole buffer's bytes were counted in 64 bits when it was made.
    let size = size as u64;
    Ok(start as u64 * size..end as u64 * size)
}

/// The bytes of `len` elements of `size` bytes; as many as there can be where the product is larger than that, which no
/// heap has.
pub(crate) fn bytes_of(len: usize, size: usize) -> u64 {
    (len as u64).saturating_mul(size as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_elements_is_a_range_of_bytes() {
        assert_eq!(byte_range("b", &(2..5), 5, 16).expect("in range"), 32..80);
        assert_eq!(byte_range("b", &(5..5), 5, 16).expect("in range"), 80..80);
    }

    #[test]
    fn a_range_beyond_the_buffer_is_refused_with_its_length() {
        for range in [0..6, 6..6, usize::MAX - 1..usize::MAX] {
            let error = byte_range("b", &range, 5, 16).expect_err("beyond");
            assert!(error.to_string().contains("`b`") && error.to_string().contains("5 elements"), "{error}");
        }
    }

    #[test]
    #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
    fn a_reversed_range_is_refused() {
        assert!(byte_range("b", &(4..3), 5, 16).expect_err("reversed").to_string().contains("reversed"));
    }

    #[test]
    fn more_bytes_than_64_bits_count_are_as_many_as_they_count() {
        assert_eq!(bytes_of(usize::MAX, 16), u64::MAX);
        assert_eq!(bytes_of(3, 16), 48);
        assert_eq!(bytes_of(0, 16), 0);
    }
}
