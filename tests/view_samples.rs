//! Several samples a pixel: smooth edges, and what cannot be.

mod common;
mod scenes;

use common::{close, strict_gpu};
use scenes::block;
use vulkio::{
    Cubes, Error, Gpu, GpuImage, Graph, GraphicsDesc, Ids, ImageDesc, NO_ID, RasterPath, RenderTarget, Renderer, View,
    ViewOptions, ash::vk, glam::Vec3, scene::Camera,
};

const SIZE: [u32; 2] = [120, 80];
/// Pixels of the reference to a side of one.
const FINE: u32 = 4;

fn camera() -> Camera {
    Camera::perspective(0.8, 1.5, 0.1).look_at(Vec3::new(9.0, 6.0, 11.0), Vec3::ZERO, Vec3::Y)
}

/// The linear colours of the second frame, and its ids.
async fn draw(gpu: &Gpu, view: &View) -> (Vec<[f64; 3]>, Vec<u32>) {
    let renderer = Renderer::headless(gpu, view.size()).expect("a renderer");
    let mut picture = None;
    for step in 0..3 {
        let frame = renderer.frame().await.expect("a frame");
        // What the first frame showed is drawn first in the second; the last is of neither.
        let camera = if step == 0 { camera().look_at(Vec3::Z * 20.0, Vec3::X, Vec3::Y) } else { camera() };
        frame.add(view.draw(camera, frame.target()));
        let capture = frame.capture();
        frame.submit().await.expect("submitted").await.expect("completed");
        picture = Some(capture.await.expect("a picture"));
    }
    let picture = picture.expect("drawn");
    let linear = picture.bytes().chunks(4).map(|texel| [0, 1, 2].map(|i| from_srgb(f64::from(texel[i]) / 255.0)));
    (linear.collect(), view.ids().await.expect("read back"))
}

fn from_srgb(c: f64) -> f64 {
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

/// Means of squares of pixels.
fn averaged(fine: &[[f64; 3]]) -> Vec<[f64; 3]> {
    let width = SIZE[0] * FINE;
    let mean = |x: u32, y: u32| {
        let mut sum = [0.0; 3];
        for i in 0..FINE * FINE {
            let texel = fine[((y * FINE + i / FINE) * width + x * FINE + i % FINE) as usize];
            (0..3).for_each(|channel| sum[channel] += texel[channel]);
        }
        sum.map(|sum| sum / f64::from(FINE * FINE))
    };
    (0..SIZE[1]).flat_map(|y| (0..SIZE[0]).map(move |x| mean(x, y))).collect()
}

fn distance(one: &[f64; 3], other: &[f64; 3]) -> f64 {
    one.iter().zip(other).map(|(one, other)| (one - other).abs()).sum::<f64>() / 3.0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_samples_make_edges_smooth_and_leave_the_rest() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, block(6, Vec3::ZERO)).await.expect("uploaded");
    let options = ViewOptions::default().lod(false).antialias(false);
    let plain = cubes.view(SIZE, options.path(RasterPath::Hardware)).await.expect("a view");
    let size = SIZE.map(|side| side * FINE);
    let fine = cubes.view(size, options.path(RasterPath::Compute)).await.expect("a view");
    let (plain, plain_ids) = draw(&gpu, &plain).await;
    let reference = averaged(&draw(&gpu, &fine).await.0);

    for (occlusion, asked, room) in [(true, 4, u32::MAX), (false, 4, u32::MAX), (true, 8, u32::MAX), (true, 4, 20)] {
        let options = options.samples(asked).occlusion(occlusion).most_tiles(room);
        let view = cubes.view(SIZE, options).await.expect("a view");
        assert_eq!(view.path(), RasterPath::Hardware);
        let (smooth, ids) = draw(&gpu, &view).await;
        // Edges are where a square of the reference has several colours, or the plain picture misses its mean.
        let (mut before, mut after, mut edges) = (0.0, 0.0, 0);
        for ((plain, smooth), exact) in plain.iter().zip(&smooth).zip(&reference) {
            if distance(plain, exact) > 0.01 {
                edges += 1;
                before += distance(plain, exact);
                after += distance(smooth, exact);
            } else {
                // The reference has 16 points a pixel, and no edge there; the few samples may see one.
                assert!(distance(smooth, exact) < 0.2, "{smooth:?} for {exact:?}");
            }
        }
        assert!(edges > 1000, "{edges} pixels on edges");
        assert!(after < before * 0.5, "on {edges} edges {after:.1} of {before:.1} is left");
        let same = ids.iter().zip(&plain_ids).filter(|(one, other)| one == other).count();
        assert!(same * 10 > ids.len() * 8 && ids.iter().any(|&id| id != NO_ID), "{same} of {} ids", ids.len());
    }
    drop(fine);
    close(gpu).await;
}

#[tokio::test]
async fn options_with_samples_that_cannot_be_are_refused() {
    let gpu = strict_gpu();
    let cubes = Cubes::upload(&gpu, block(2, Vec3::ZERO)).await.expect("uploaded");
    for samples in [0, 3, 16] {
        let error = cubes.view(SIZE, ViewOptions::default().samples(samples)).await.expect_err("not possible");
        assert!(error.to_string().contains("1, 2, 4 or 8"), "{error}");
    }
    let compute = ViewOptions::default().path(RasterPath::Compute).samples(4);
    let error = cubes.view(SIZE, compute).await.expect_err("not by compute shaders");
    assert!(matches!(error, Error::Invalid(_)) && error.to_string().contains("RasterPath::Hardware"), "{error}");
    close(gpu).await;
}

/// What submitting a graph of one pass says.
async fn refused(gpu: &Gpu, declare: impl FnOnce(&Graph)) -> String {
    let graph = Graph::new(gpu, "refused");
    declare(&graph);
    graph.submit().await.expect_err("it makes no sense").to_string()
}

#[tokio::test]
async fn samples_that_do_not_fit_each_other_are_named() {
    let gpu = strict_gpu();
    let with = |name: &str, samples| -> GpuImage<RenderTarget> {
        gpu.image_with(name, ImageDesc::new([8, 8]).samples(samples)).expect("an image")
    };
    let (one, four, other) = (with("one", 1), with("four", 4), with("other", 4));
    let ids: GpuImage<Ids> = gpu.image("ids", [8, 8]).expect("an image");
    let small: GpuImage<RenderTarget> = gpu.image("small", [4, 8]).expect("an image");
    let buffer = gpu.buffer::<u32>("buffer", 256).expect("a buffer");
    assert_eq!((one.samples(), four.samples()), (1, 4));
    let black = [0.0, 0.0, 0.0, 1.0];

    let text = refused(&gpu, |graph| {
        graph.pass("two").renders(one.clear(black)).renders(four.clear(black)).record(|_| ());
    });
    let text = text.await;
    assert!(text.contains("`four`, which has 4") && text.contains("as many"), "{text}");
    for into in [other.clear(black), small.clear(black), ids.clear(0)] {
        let from = four.clear(black);
        let text = refused(&gpu, |graph| {
            graph.pass("two").renders(from.resolves_to(into)).record(|_| ());
        });
        let text = text.await;
        assert!(text.contains("resolves `four` (4 samples") && text.contains("same format and size"), "{text}");
    }
    let text = refused(&gpu, |graph| {
        graph.pass("one").renders(one.clear(black).resolves_to(&small)).record(|_| ());
    });
    assert!(text.await.contains("resolves `one` (1 samples"));
    let text = refused(&gpu, |graph| {
        graph.pass("copies").copies(&four, &buffer).record(|_| ());
    });
    let text = text.await;
    assert!(text.contains("`four`, which has 4 samples a texel") && text.contains("resolves_to"), "{text}");

    let vertex = include_bytes!("../shaders/spv/triangle.vert.spv");
    let fragment = include_bytes!("../shaders/spv/triangle.frag.spv");
    let desc = GraphicsDesc::new("triangle", vertex, fragment).color(vk::Format::R8G8B8A8_SRGB);
    let pipeline = gpu.graphics_pipeline(desc.clone().samples(4)).await.expect("a pipeline");
    let text = refused(&gpu, |graph| {
        let pipeline = pipeline.clone();
        graph.pass("plain").renders(one.clear(black)).record(move |cmd| {
            cmd.bind(&pipeline).draw(0..3, 0..1);
        });
    });
    let text = text.await;
    assert!(text.contains("samples: 4") && text.contains("samples: 1"), "{text}");
    let error = gpu.graphics_pipeline(desc.samples(3)).await.expect_err("no power of two");
    assert!(error.to_string().contains("3 samples"), "{error}");
    drop((one, four, other, ids, small, buffer, pipeline));
    close(gpu).await;
}

#[tokio::test]
async fn colours_are_resolved_to_their_mean_and_numbers_to_the_first() {
    let gpu = strict_gpu();
    let desc = ImageDesc::new([8, 4]).samples(4);
    let (samples, target): (GpuImage<RenderTarget>, GpuImage<RenderTarget>) =
        (gpu.image_with("samples", desc).expect("an image"), gpu.image("target", [8, 4]).expect("an image"));
    let (many, ids): (GpuImage<Ids>, GpuImage<Ids>) =
        (gpu.image_with("many", desc).expect("an image"), gpu.image("ids", [8, 4]).expect("an image"));
    for n in 0..3u32 {
        let graph = Graph::new(&gpu, "resolve");
        let color = common::color(n);
        let pass = graph.pass("clear").renders(samples.clear(color).resolves_to(&target));
        pass.renders(many.clear(n + 7).resolves_to(&ids)).record(|_| ());
        graph.submit().await.expect("submitted");
        assert_eq!(gpu.read_image(&target).await.expect("read").bytes(), common::pixel(n).repeat(32));
        assert_eq!(gpu.read_image(&ids).await.expect("read").bytes(), (n + 7).to_ne_bytes().repeat(32));
    }
    drop((samples, target, many, ids));
    close(gpu).await;
}
