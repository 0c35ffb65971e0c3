//! The numbers that operations work on.

use std::fmt::{Debug, Display};

use bytemuck::Pod;

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for u32 {}
    impl Sealed for i32 {}
}

/// A number of 4 bytes that [`Reduce`](super::Reduce) and [`Scan`](super::Scan) work on: `f32`, `u32` or `i32`.
pub trait Element: sealed::Sealed + Pod + Default + PartialEq + Debug + Display + Send + Sync {
    /// What shaders call it: as in shaders/compute_reduce.comp.
    #[doc(hidden)]
    const KIND: u32;
    /// What a CPU adds up in.
    #[doc(hidden)]
    type Wide: Copy + Default;
    /// The result of [`Reduce::min`](super::Reduce::min) for no numbers: `f32::INFINITY`, or the greatest integer.
    const GREATEST: Self;
    /// The result of [`Reduce::max`](super::Reduce::max) for no numbers: `f32::NEG_INFINITY`, or the least integer.
    const LEAST: Self;

    #[doc(hidden)]
    fn plus(wide: Self::Wide, number: Self) -> Self::Wide;
    #[doc(hidden)]
    fn narrow(wide: Self::Wide) -> Self;
    /// As IEEE 754-2019's `minimum`: a NaN wins, and -0 is less than +0.
    #[doc(hidden)]
    fn least_of(self, other: Self) -> Self;
    /// As IEEE 754-2019's `maximum`.
    #[doc(hidden)]
    fn greatest_of(self, other: Self) -> Self;
}

impl Element for f32 {
    const KIND: u32 = 0;
    type Wide = f64;
    const GREATEST: Self = f32::INFINITY;
    const LEAST: Self = f32::NEG_INFINITY;

    fn plus(wide: f64, number: f32) -> f64 {
        wide + f64::from(number)
    }

    fn narrow(wide: f64) -> f32 {
        wide as f32
    }

    fn least_of(self, other: f32) -> f32 {
        match (self.is_nan() || other.is_nan(), self.total_cmp(&other)) {
            (true, _) => f32::NAN,
            (false, order) => {
                if order.is_le() {
                    self
                } else {
                    other
                }
            }
        }
    }

    fn greatest_of(self, other: f32) -> f32 {
        -(-self).least_of(-other)
    }
}

macro_rules! integer {
    ($integer:ident, $kind:literal) => {
        impl Element for $integer {
            const KIND: u32 = $kind;
            type Wide = $integer;
            const GREATEST: Self = $integer::MAX;
            const LEAST: Self = $integer::MIN;

            fn plus(wide: $integer, number: $integer) -> $integer {
                wide.wrapping_add(number)
            }

            fn narrow(wide: $integer) -> $integer {
                wide
            }

            fn least_of(self, other: $integer) -> $integer {
                self.min(other)
            }

            fn greatest_of(self, other: $integer) -> $integer {
                self.max(other)
            }
        }
    };
}

integer!(u32, 1);
integer!(i32, 2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_floats_is_a_nan_if_there_is_one_and_minus_zero_before_zero() {
        assert_eq!((-0.0f32).least_of(0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!(0.0f32.least_of(-0.0).to_bits(), (-0.0f32).to_bits());
        assert_eq!((-0.0f32).greatest_of(0.0).to_bits(), 0.0f32.to_bits());
        assert_eq!(f32::NEG_INFINITY.least_of(3.0), f32::NEG_INFINITY);
        assert_eq!(f32::NEG_INFINITY.greatest_of(3.0), 3.0);
        for nan in [f32::NAN, -f32::NAN] {
            assert!(nan.least_of(1.0).is_nan() && 1.0f32.least_of(nan).is_nan(), "{nan}");
            assert!(nan.greatest_of(1.0).is_nan() && f32::INFINITY.greatest_of(nan).is_nan(), "{nan}");
        }
    }
}
