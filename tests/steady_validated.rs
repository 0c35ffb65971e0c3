//! The small frames of `steady_state` under validation: in a process of its own, as the layer keeps memory.

mod common;
mod mix;
mod steady;

use common::{close, strict_gpu};
use steady::{Scene, made};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_hundred_small_frames_pass_strict_validation() {
    let gpu = strict_gpu();
    let mut scene = Scene::new(&gpu).await;
    scene.warm_up().await;
    let mut warm = None;
    for n in 0..600 {
        scene.draw(n).await;
        if n == 250 {
            warm = Some(made(&gpu.counters()));
        }
    }
    assert_eq!(Some(made(&gpu.counters())), warm);
    drop(scene);
    close(gpu).await;
}
