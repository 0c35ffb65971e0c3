//! Something that happens once, and that many wait for.

use std::sync::Arc;

use tokio::sync::watch;

/// A flag that is raised once; clones are the same flag.
#[derive(Clone, Debug, Default)]
pub(super) struct Flag(Arc<watch::Sender<bool>>);

impl Flag {
    pub(super) fn raise(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves once it is raised, at once if it was.
    pub(super) fn raised(&self) -> impl Future<Output = ()> + Send + use<> {
        // The sender is kept, so that it cannot go before.
        let (flag, mut seen) = (self.clone(), self.0.subscribe());
        async move {
            let _ = seen.wait_for(|&raised| raised).await;
            drop(flag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[test]
    fn a_flag_stays_raised_for_those_who_come_late() {
        let flag = Flag::default();
        let early = flag.raised();
        assert!(flag.raised().now_or_never().is_none() && !flag.is_raised());
        flag.raise();
        flag.raise();
        assert!(early.now_or_never().is_some() && flag.raised().now_or_never().is_some() && flag.is_raised());
    }
}
