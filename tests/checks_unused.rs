//! What a pass declares and touches nowhere is a warning, once; only where all that the pass did is known.
#![cfg(feature = "glsl")]

mod checked;
mod common;

use std::{
    io,
    sync::{Arc, Mutex},
};

use checked::{Kit, Way::*, plain};
use common::{close, open, strict};
use tracing_subscriber::filter::LevelFilter;

/// What was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Warnings of checks since this was last asked.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().expect("not poisoned"));
        let text = String::from_utf8(bytes).expect("text");
        text.lines().filter(|line| line.contains("vulkio::checks")).map(str::to_owned).collect()
    }
}

#[tokio::test]
async fn declarations_that_nothing_came_of_are_told_once() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::WARN)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    let gpu = open(strict().checks(true));
    let kit = Kit::new(&gpu).await;
    let pipeline = kit.pipeline("copies", &plain("push.a.at[0] = push.b.at[0];")).await;
    let [a, b, _] = kit.addresses();

    for round in 0..2 {
        let pipeline = pipeline.clone();
        let ways = [(0, Writes), (1, Reads), (2, Reads)];
        let said = kit.runs(&ways, move |cmd| _ = cmd.bind(&pipeline).push(&[a, b, 0, 0]).dispatch([1; 3])).await;
        assert_eq!(said, Ok(()));
        let warnings = log.take();
        if round == 1 {
            assert_eq!(warnings, [""; 0], "it was said");
            continue;
        }
        let what = "pass `checked` declares `third` and touches it nowhere; remove the `.reads(..)` of `third`";
        assert!(warnings.len() == 1 && warnings[0].contains(what), "{warnings:?}");
    }

    // Copies, fills and arguments touch, too.
    let (words, copies) = (kit.words.clone(), pipeline.clone());
    let ways = [(0, CopyTarget), (1, CopySource), (2, CopyTarget)];
    let said = kit.runs(&ways, move |cmd| {
        cmd.copy(&words[1], 0..8, &words[0], 0).fill(&words[2], 0..8, 0);
    });
    assert_eq!((said.await, log.take()), (Ok(()), vec![]));

    // A shader whose addresses nobody but the GPU knows, commands by hand, and a pass that does nothing.
    let push = "layout(push_constant, scalar) uniform Push { uvec2 a; uvec2 b; Words c; uint n; } push;";
    let main = "void main() { uint64_t at = packUint2x32(push.a ^ uvec2(push.n)); Words(at).at[0] = 1; }";
    let secret = kit.pipeline("secret", &checked::compute(&format!("{push} {main}"))).await;
    let said =
        kit.runs(&[(0, Writes), (1, Reads)], move |cmd| _ = cmd.bind(&secret).push(&[a, b, 0, 0]).dispatch([1; 3]));
    assert_eq!((said.await, log.take()), (Ok(()), vec![]));
    let said = kit.runs(&[(0, Writes), (1, Reads)], move |cmd| {
        // SAFETY: it is not used.
        let _ = unsafe { cmd.raw() };
        cmd.bind(&copies).push(&[a, a, 0, 0]).dispatch([1; 3]);
    });
    assert_eq!((said.await, log.take()), (Ok(()), vec![]));
    let said = kit.runs(&[(0, Writes), (1, Reads)], |_| ());
    assert_eq!((said.await, log.take()), (Ok(()), vec![]));
    drop((kit, pipeline));
    close(gpu).await;
}
