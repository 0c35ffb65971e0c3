//! The operations on a CPU: what tests, and those who doubt, compare results with.
//!
//! Sums of `f32` are made in `f64` and rounded once, at the end; those of integers wrap around.
//!
//! ```
//! use vulkio::compute::reference;
//!
//! assert_eq!(reference::sum(&[1.0f32, 2.0, 3.5]), 6.5);
//! assert_eq!(reference::exclusive_scan(&[1u32, 2, 3]), [0, 1, 3]);
//! assert_eq!(reference::max(&[1i32, -2]), 1);
//! ```

use super::Element;
pub use super::gemm::reference::gemm;

/// `y = a * x + y`, for as many elements as both have.
pub fn saxpy(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (f64::from(a) * f64::from(x) + f64::from(*y)) as f32;
    }
}

/// The sum; 0 for no numbers.
#[must_use]
pub fn sum<T: Element>(x: &[T]) -> T {
    T::narrow(x.iter().fold(T::Wide::default(), |sum, &x| T::plus(sum, x)))
}

/// The least, [`Element::GREATEST`] for no numbers; NaN if one of them is.
#[must_use]
pub fn min<T: Element>(x: &[T]) -> T {
    x.iter().fold(T::GREATEST, |least, &x| least.least_of(x))
}

/// The greatest, [`Element::LEAST`] for no numbers; NaN if one of them is.
#[must_use]
pub fn max<T: Element>(x: &[T]) -> T {
    x.iter().fold(T::LEAST, |greatest, &x| greatest.greatest_of(x))
}

/// For each number the sum of all up to it, its own included.
#[must_use]
pub fn inclusive_scan<T: Element>(x: &[T]) -> Vec<T> {
    let sums = x.iter().scan(T::Wide::default(), |sum, &x| {
        *sum = T::plus(*sum, x);
        Some(T::narrow(*sum))
    });
    sums.collect()
}

/// For each number the sum of all before it.
#[must_use]
pub fn exclusive_scan<T: Element>(x: &[T]) -> Vec<T> {
    let sums = x.iter().scan(T::Wide::default(), |sum, &x| {
        let before = *sum;
        *sum = T::plus(before, x);
        Some(T::narrow(before))
    });
    sums.collect()
}
