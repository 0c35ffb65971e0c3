//! Stands in for what the executor is to bring, so that the benches compile before it does. An inherent method goes
//! before these: with the executor merged, this file and its imports go.

use std::ops::Range;

use vulkio::{Encoder, Pass};

/// `Pass::parallel`, in one piece.
pub(crate) trait ParallelPass {
    fn parallel(self, count: usize, record: impl Fn(&mut Encoder<'_>, Range<usize>) + Send + Sync + 'static);
}

impl ParallelPass for Pass<'_> {
    fn parallel(self, count: usize, record: impl Fn(&mut Encoder<'_>, Range<usize>) + Send + Sync + 'static) {
        self.record(move |cmd| record(cmd, 0..count));
    }
}
