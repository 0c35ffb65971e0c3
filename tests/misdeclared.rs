//! What is declared or made wrongly is refused by name, before the driver sees it, and says what to write instead.

mod common;
mod kit;

use common::{Scene, close, open, soon, strict, strict_gpu};
use kit::{Kit, names};
use vulkio::{Error, GpuBuffer, Ids, QueueKind, RendererOptions};

#[tokio::test]
async fn a_pipeline_for_other_attachments_names_both_sides() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let triangle = kit.triangle.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.ids.clear(0)),
            move |cmd| {
                cmd.bind(&triangle);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "`triangle`", "R8G8B8A8_SRGB", "R32_UINT"]);
    let triangle = kit.triangle.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()).depth(kit.depth.clear(0.0)),
            move |cmd| {
                cmd.bind(&triangle);
            },
        )
        .await;
    names(&said, &["`triangle`", "D32_SFLOAT"]);
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn a_declaration_that_contradicts_itself_comes_out_of_submit() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.reads(kit.words.copy_target())).await;
    names(&said, &["pass `mistake`", "`words`", "say `.writes(..)`"]);
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.writes(kit.words.indirect())).await;
    names(&said, &["pass `mistake`", "`words`", "say `.reads(..)`"]);
    let said = kit
        .declaring(QueueKind::Graphics, |pass| pass.renders(kit.picture.load()).reads(kit.picture.copy_source()))
        .await;
    names(&said, &["pass `mistake`", "`picture`", "two layouts", "split it into two passes"]);
    let said =
        kit.declaring(QueueKind::Graphics, |pass| pass.renders(kit.picture.load()).renders(kit.large.load())).await;
    names(&said, &["pass `mistake`", "`picture`", "`large`", "one size"]);
    for queue in [QueueKind::Compute, QueueKind::Transfer] {
        let said = kit.declaring(queue, |pass| pass.renders(kit.picture.load())).await;
        names(&said, &["pass `mistake`", "`picture`", &format!("the {queue:?} queue does not have")]);
    }
    assert_eq!(gpu.counters().submits, 0);
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn what_belongs_to_another_gpu_is_refused_by_name() {
    let gpu = strict_gpu();
    let stranger = open(strict());
    let kit = Kit::new(&gpu).await;
    let foreign = Kit::new(&stranger).await;
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.reads(&foreign.words)).await;
    names(&said, &["pass `mistake`", "`words`", "another Gpu"]);
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.renders(foreign.picture.load())).await;
    names(&said, &["pass `mistake`", "`picture`", "another Gpu"]);
    let kernel = foreign.kernel.clone();
    let said = kit
        .recording(
            |pass| pass,
            move |cmd| {
                cmd.bind(&kernel);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "pipeline `saxpy`", "another Gpu"]);
    let [a, b] = [&kit.words, &foreign.other].map(GpuBuffer::clone);
    let said = kit
        .recording(
            |pass| pass.reads(kit.words.copy_source()),
            move |cmd| {
                cmd.copy(&a, 0..1, &b, 0);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "`other`"]);
    let said = gpu.read(&foreign.words, 0..1).await.expect_err("another's").to_string();
    names(&said, &["`words`", "another Gpu"]);
    let said = gpu.upload(&foreign.words, 0, vec![1]).await.expect_err("another's").to_string();
    names(&said, &["`words`", "another Gpu"]);
    let said = gpu.read_image(&foreign.picture).await.expect_err("another's").to_string();
    names(&said, &["`picture`", "another Gpu"]);
    assert_eq!((gpu.counters().submits, stranger.counters().submits), (0, 0));
    drop((kit, foreign));
    close(stranger).await;
    close(gpu).await;
}

#[tokio::test]
async fn the_first_mistake_sticks_and_nothing_after_it_is_recorded() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let scene = Scene::new(&gpu, RendererOptions::default().frames_in_flight(1));
    scene.draws(1).await;
    let before = gpu.counters();
    let frame = scene.frame().await;
    scene.draw(&frame, 2);
    let kernel = kit.kernel.clone();
    frame.pass("first").record(move |cmd| {
        cmd.bind(&kernel).push(&[0u32; 64]).dispatch([1, 1, 1]).draw(0..3, 0..1);
    });
    frame.pass("second").record(|cmd| {
        cmd.draw(0..3, 0..1);
    });
    let error = soon("the submit", frame.submit()).await.expect_err("mistakes");
    names(&error.to_string(), &["pass `first`", "push constants of 256 bytes"]);
    let after = gpu.counters();
    assert_eq!((after.submits, after.dispatches, after.draws), (before.submits, before.dispatches, before.draws));
    assert_eq!(scene.copied().await, 1);
    scene.draws(3).await;
    drop((kit, scene));
    close(gpu).await;
}

#[tokio::test]
async fn renderers_and_resources_out_of_range_are_refused() {
    let gpu = strict_gpu();
    let with = |options| vulkio::Renderer::with_options(&gpu, [8, 8], options).expect_err("out of range").to_string();
    names(&with(RendererOptions::default().frames_in_flight(0)), &["0 frames in flight", "1 to 16"]);
    names(&with(RendererOptions::default().frames_in_flight(17)), &["17 frames in flight", "1 to 16"]);
    names(&with(RendererOptions::default().workers(0)), &["0 recording workers", "at least 1"]);
    let said = vulkio::Renderer::headless(&gpu, [0, 8]).expect_err("no pixels").to_string();
    names(&said, &["0 x 8", "at least 1"]);
    let said = vulkio::Renderer::headless(&gpu, [u32::MAX, 8]).expect_err("too large").to_string();
    names(&said, &["4294967295 x 8", "at most"]);
    let said = gpu.buffer::<u32>("none", 0).expect_err("nothing").to_string();
    names(&said, &["`none`", "at least one"]);
    let error = gpu.buffer::<u64>("all", usize::MAX).expect_err("more than there is");
    assert!(matches!(error, Error::OutOfDeviceMemory { .. }), "{error:?}");
    names(&error.to_string(), &["`all`", "free"]);
    let renderer = vulkio::Renderer::headless(&gpu, [8, 8]).expect("a renderer");
    let said = renderer.capture().await.expect_err("no frame yet").to_string();
    names(&said, &["capture before any frame", "submit one first"]);
    renderer.idle().await.expect("nothing to wait for");
    let said = gpu.compute_pipeline("poem", b"roses are red, violets are").await.expect_err("no SPIR-V").to_string();
    names(&said, &["`poem`", "SPIR-V", "glslangValidator"]);
    drop(renderer);
    close(gpu).await;
}

#[tokio::test]
async fn an_image_that_cannot_be_that_attachment_is_refused_by_name() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.depth(kit.picture.clear([0.0; 4]))).await;
    names(&said, &["pass `mistake`", "`picture`", "depth"]);
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.renders(kit.depth.clear(0.0))).await;
    names(&said, &["pass `mistake`", "`depth`", ".depth(..)"]);
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn more_attachments_than_the_device_has_are_refused_with_the_limit() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let most = gpu.info().limits.max_color_attachments;
    let images: Vec<_> = (0..=most).map(|i| gpu.image::<Ids>(&format!("ids {i}"), [8, 4]).expect("an image")).collect();
    let said = kit
        .declaring(QueueKind::Graphics, |pass| images.iter().fold(pass, |pass, image| pass.renders(image.clear(0))))
        .await;
    names(&said, &["pass `mistake`", &most.to_string()]);
    drop((kit, images));
    close(gpu).await;
}
