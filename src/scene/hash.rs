//! Numbers that look random and are the same every time: scenes are made index by index, from several threads.

/// A number of 64 random bits from any number: the last step of the SplitMix64 generator.
pub(super) fn mix(n: u64) -> u64 {
    let mut z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The 24 bits from `shift` as a number in 0..1.
pub(super) fn fraction(bits: u64, shift: u32) -> f32 {
    ((bits >> shift) & 0xff_ffff) as f32 / (1u64 << 24) as f32
}

/// A number in 0..1 from any number.
pub(super) fn unit(n: u64) -> f32 {
    fraction(mix(n), 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_fill_their_range_evenly() {
        let mut tenths = [0; 10];
        for n in 0..10_000 {
            tenths[(unit(n) * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (900..1100).contains(count)), "{tenths:?}");
    }
}
