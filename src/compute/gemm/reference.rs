//! The product on a CPU.

/// `alpha · A · B + beta · C`, row by row without gaps: `a` has m × k numbers, `b` k × n, `c` m × n, with `shape` = `[m, n, k]`. Sums are made
/// in `f64`, and nothing is rounded to `f32`. As on the device, `c` does not count where `beta` is 0, nor `a` and `b` where `alpha` is.
///
/// ```
/// use vulkio::compute::reference;
///
/// let (a, b) = ([1.0, 2.0], [3.0, 4.0]);
/// assert_eq!(reference::gemm(1.0, &a, &b, 0.0, &[f32::NAN], [1, 1, 2]), [11.0]);
/// ```
///
/// # Panics
///
/// If a slice has fewer numbers than its matrix.
#[must_use]
pub fn gemm(alpha: f32, a: &[f32], b: &[f32], beta: f32, c: &[f32], shape: [usize; 3]) -> Vec<f64> {
    let [rows, columns, depth] = shape;
    let depth_that_counts = if alpha == 0.0 { 0 } else { depth };
    let mut sums = vec![0.0; rows * columns];
    for (row, sums) in sums.chunks_exact_mut(columns.max(1)).enumerate() {
        for k in 0..depth_that_counts {
            let a = f64::from(a[row * depth + k]);
            let b = &b[k * columns..(k + 1) * columns];
            sums.iter_mut().zip(b).for_each(|(sum, &b)| *sum += a * f64::from(b));
        }
        for (column, sum) in sums.iter_mut().enumerate() {
            let product = if alpha == 0.0 { 0.0 } else { f64::from(alpha) * *sum };
            let before = if beta == 0.0 { 0.0 } else { f64::from(beta) * f64::from(c[row * columns + column]) };
            *sum = product + before;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::gemm;

    #[test]
    fn a_product_by_hand() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_eq!(gemm(2.0, &a, &b, 1.0, &[1.0, 1.0, 1.0, 1.0], [2, 2, 3]), [9.0, 11.0, 21.0, 23.0]);
    }

    #[test]
    fn what_counts_for_nothing_is_not_looked_at() {
        let nan = [f32::NAN; 4];
        assert_eq!(gemm(0.0, &nan, &nan, 2.0, &[1.0; 4], [2, 2, 2]), [2.0; 4]);
        assert_eq!(gemm(1.0, &[1.0; 4], &[1.0; 4], 0.0, &nan, [2, 2, 2]), [2.0; 4]);
        assert_eq!(gemm(1.0, &[], &[], 3.0, &[1.0; 4], [2, 2, 0]), [3.0; 4]);
        assert!(gemm(1.0, &[], &[], 3.0, &[], [0, 5, 0]).is_empty());
    }
}
