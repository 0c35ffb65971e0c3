//! Parts of buffers and images: only those that meet need order, and only what was declared is touched.

mod common;

use common::{close, soon, strict_gpu};
use vulkio::{
    Depth, Encoder, Error, Filter, Gpu, GpuBuffer, GpuImage, Graph, Ids, ImageDesc, Pass, RenderTarget, ash::vk,
};

async fn run(graph: Graph) {
    let done = soon("a submit", graph.submit()).await.expect("submitted");
    soon("a graph", done).await.expect("complete");
}

async fn words(gpu: &Gpu, buffer: &GpuBuffer<u32>) -> Vec<u32> {
    soon("a read", gpu.read(buffer, 0..buffer.len())).await.expect("read").to_vec()
}

/// The figures that tell what a graph's order costs.
fn waves_and_barriers(graph: &Graph) -> (usize, usize) {
    let stats = graph.plan_stats().expect("a plan");
    (stats.waves, stats.barriers)
}

/// The message of a mistake in declaring or recording a pass.
async fn mistake(
    gpu: &Gpu,
    declare: impl FnOnce(Pass<'_>) -> Pass<'_>,
    record: impl FnOnce(&mut Encoder<'_>) + Send + 'static,
) -> String {
    let graph = Graph::new(gpu, "wrong");
    declare(graph.pass("mistake")).record(record);
    let error = soon("the submit", graph.submit()).await.expect_err("a mistake");
    assert!(matches!(error, Error::Graph(_) | Error::Record { .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("`mistake`"), "{message}");
    message
}

#[track_caller]
fn names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
}

#[tokio::test]
async fn passes_on_slices_that_do_not_meet_need_no_order() {
    let gpu = strict_gpu();
    let data = gpu.buffer::<u32>("data", 64).expect("a buffer");
    let fills = |ranges: &[std::ops::Range<usize>]| {
        let graph = Graph::new(&gpu, "fills");
        for (i, range) in ranges.iter().cloned().enumerate() {
            let own = data.clone();
            graph.pass("fill").writes(data.slice(range.clone()).copy_target()).record(move |cmd| {
                cmd.fill(&own, range, i as u32 + 1);
            });
        }
        graph
    };
    let graph = fills(&[0..16, 16..32, 32..64]);
    assert_eq!(waves_and_barriers(&graph), (1, 0));
    run(graph).await;
    let expected: Vec<u32> = (0..64).map(|i| [1, 2, 3, 3][i / 16]).collect();
    assert_eq!(words(&gpu, &data).await, expected);

    let graph = fills(&[0..16, 15..32, 32..64]);
    assert_eq!(waves_and_barriers(&graph), (2, 1), "one element is in two of them");
    run(graph).await;
    let expected: Vec<u32> = (0..64).map(|i| if i == 15 { 2 } else { [1, 2, 3, 3][i / 16] }).collect();
    assert_eq!(words(&gpu, &data).await, expected);
    drop(data);
    close(gpu).await;
}

#[tokio::test]
async fn a_buffer_is_copied_within_itself_from_slice_to_slice() {
    let gpu = strict_gpu();
    let data = gpu.buffer::<u32>("data", 64).expect("a buffer");
    let graph = Graph::new(&gpu, "within");
    let own = data.clone();
    graph.pass("fill").writes(data.slice(0..32).copy_target()).record(move |cmd| {
        cmd.fill(&own, 0..32, 7);
    });
    let own = data.clone();
    graph.pass("copy").copies(data.slice(0..32), data.slice(32..64)).record(move |cmd| {
        cmd.copy(&own, 0..32, &own, 32);
    });
    assert_eq!(waves_and_barriers(&graph), (2, 1));
    run(graph).await;
    assert_eq!(words(&gpu, &data).await, [7; 64]);
    drop(data);
    close(gpu).await;
}

#[tokio::test]
async fn concurrent_writers_share_a_wave_and_a_reader_comes_after_all_of_them() {
    let gpu = strict_gpu();
    let [data, copy] = ["data", "copy"].map(|name| gpu.buffer::<u32>(name, 64).expect("a buffer"));
    let graph = Graph::new(&gpu, "concurrent");
    for i in 0..4 {
        let own = data.clone();
        graph.pass("quarter").writes_concurrently(data.copy_target()).record(move |cmd| {
            cmd.fill(&own, i * 16..(i + 1) * 16, i as u32);
        });
    }
    let (from, to) = (data.clone(), copy.clone());
    graph.pass("copy").copies(&data, &copy).record(move |cmd| {
        cmd.copy(&from, 0..64, &to, 0);
    });
    assert_eq!(waves_and_barriers(&graph), (2, 1));
    run(graph).await;
    assert_eq!(words(&gpu, &copy).await, (0..64).map(|i| i / 16).collect::<Vec<u32>>());
    drop((data, copy));
    close(gpu).await;
}

#[tokio::test]
async fn a_slice_beyond_its_buffer_names_buffer_pass_and_range() {
    let gpu = strict_gpu();
    let data = gpu.buffer::<u32>("data", 64).expect("a buffer");
    let said = mistake(&gpu, |pass| pass.reads(data.slice(60..65)), |_| ()).await;
    names(&said, &["`data`", "60..65", "64 elements"]);
    #[expect(clippy::reversed_empty_ranges, reason = "the mistake in question")]
    let said = mistake(&gpu, |pass| pass.writes(data.slice(3..2).copy_target()), |_| ()).await;
    names(&said, &["`data`", "3..2", "reversed"]);
    assert_eq!(gpu.counters().submits, 0);
    drop(data);
    close(gpu).await;
}

#[tokio::test]
async fn what_lies_outside_of_the_declared_slices_is_refused_with_its_bytes() {
    let gpu = strict_gpu();
    let data = gpu.buffer::<u32>("data", 64).expect("a buffer");
    let filling = |range: std::ops::Range<usize>| {
        let own = data.clone();
        move |cmd: &mut Encoder<'_>| {
            cmd.fill(&own, range, 0);
        }
    };
    let said = mistake(&gpu, |pass| pass.writes(data.slice(0..16).copy_target()), filling(8..17)).await;
    names(&said, &["bytes 32..68 of `data`", "add `.writes(data.copy_target())`"]);
    let said = mistake(&gpu, |pass| pass.writes(data.slice(0..0).copy_target()), filling(0..1)).await;
    names(&said, &["`data`", "did not declare", "add `.writes(data.copy_target())`"]);
    let [front, back] = [0..8, 16..32].map(|range| data.slice(range).copy_target());
    let said = mistake(&gpu, |pass| pass.writes(&front).writes(&back), filling(0..32)).await;
    names(&said, &["bytes 0..128 of `data`"]);
    assert_eq!(gpu.counters().submits, 0);

    let graph = Graph::new(&gpu, "neighbours");
    let neighbours = [0..16, 16..32, 32..40].map(|range| data.slice(range).copy_target());
    neighbours.iter().fold(graph.pass("fill"), |pass, part| pass.writes(part)).record(filling(4..36));
    run(graph).await;
    assert_eq!(words(&gpu, &data).await[4..36], [0; 32]);
    drop((data, neighbours, front, back));
    close(gpu).await;
}

#[tokio::test]
async fn addresses_are_for_what_the_pass_declared() {
    let gpu = strict_gpu();
    let data = gpu.buffer::<u32>("data", 64).expect("a buffer");
    let own = data.clone();
    let take = move |cmd: &mut Encoder<'_>| {
        assert_eq!(cmd.address(&own), 0);
    };
    let said = mistake(&gpu, |pass| pass, take).await;
    names(&said, &["the address of `data`", "`.reads(&data)`"]);
    let graph = Graph::new(&gpu, "address");
    let own = data.clone();
    graph.pass("address").reads(data.slice(0..4)).record(move |cmd| {
        assert_eq!(cmd.address(&own), own.address());
    });
    run(graph).await;
    drop(data);
    close(gpu).await;
}

/// A picture's levels, one after the other in a buffer each.
async fn levels(gpu: &Gpu, image: &GpuImage<RenderTarget>) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    for level in 0..image.levels() {
        let [width, height] = image.extent().map(|side| (side >> level).max(1));
        let texels = (width * height * image.layers()) as usize;
        let buffer = gpu.buffer::<u32>("level", texels).expect("a buffer");
        let graph = Graph::new(gpu, "read");
        let (from, to) = (image.level(level), buffer.clone());
        graph.pass("copy").copies(image.level(level), &buffer).record(move |cmd| {
            cmd.copy_image(&from, &to);
        });
        run(graph).await;
        all.push(words(gpu, &buffer).await);
    }
    all
}

const RED: u32 = 0xff00_00ff;
const GREEN: u32 = 0xff00_ff00;

#[tokio::test]
async fn a_mip_chain_is_made_by_blits_each_after_the_one_before() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> = gpu.image_with("chain", ImageDesc::new([8, 4]).levels(4)).expect("an image");
    let graph = Graph::new(&gpu, "chain");
    graph.pass("top").renders(image.level(0).clear([1.0, 0.0, 0.0, 1.0])).record(|_| ());
    for level in 1..4 {
        let (from, to) = (image.level(level - 1), image.level(level));
        graph.pass("halve").reads(from.blit_source()).writes(to.blit_target()).record(move |cmd| {
            cmd.blit(&from, &to, Filter::Linear);
        });
    }
    assert_eq!(waves_and_barriers(&graph), (4, 3));
    run(graph).await;
    assert_eq!(levels(&gpu, &image).await, [vec![RED; 32], vec![RED; 8], vec![RED; 2], vec![RED; 1]]);
    drop(image);
    close(gpu).await;
}

#[tokio::test]
async fn layers_are_rendered_to_in_one_wave() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> = gpu.image_with("layers", ImageDesc::new([4, 4]).layers(3)).expect("an image");
    let graph = Graph::new(&gpu, "layers");
    for (layer, color) in [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0], [1.0, 0.0, 0.0, 1.0]].into_iter().enumerate() {
        graph.pass("layer").renders(image.layer(layer as u32).clear(color)).record(|_| ());
    }
    assert_eq!(waves_and_barriers(&graph), (1, 0));
    run(graph).await;
    assert_eq!(levels(&gpu, &image).await, [[[RED; 16], [GREEN; 16], [RED; 16]].concat()]);
    drop(image);
    close(gpu).await;
}

#[tokio::test]
async fn texels_copied_to_a_level_come_back_as_they_were() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> =
        gpu.image_with("levels", ImageDesc::new([8, 8]).levels(2).layers(2)).expect("an image");
    let [all, some] = [128, 32].map(|len| gpu.buffer::<u32>("texels", len).expect("a buffer"));
    let [top, second] = [128, 32].map(|len| (0..len).map(|i| i * 0x0101_0101).collect::<Vec<u32>>());
    gpu.upload(&all, 0, top.clone()).await.expect("uploaded").await.expect("complete");
    gpu.upload(&some, 0, second.clone()).await.expect("uploaded").await.expect("complete");
    let graph = Graph::new(&gpu, "write");
    for (level, texels) in [(0, &all), (1, &some)] {
        let (from, to) = (texels.clone(), image.level(level));
        graph.pass("copy").copies(texels, image.level(level)).record(move |cmd| {
            cmd.copy_to_image(&from, &to);
        });
    }
    assert_eq!(waves_and_barriers(&graph), (1, 0));
    run(graph).await;
    assert_eq!(levels(&gpu, &image).await, [top, second]);
    drop((image, all, some));
    close(gpu).await;
}

#[tokio::test]
async fn a_clear_covers_the_levels_and_layers_that_it_names() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> =
        gpu.image_with("levels", ImageDesc::new([4, 2]).levels(2).layers(2)).expect("an image");
    let graph = Graph::new(&gpu, "clear");
    let own = image.clone();
    graph.pass("all").writes(image.copy_target()).record(move |cmd| {
        cmd.clear_color(&own, [0.0, 1.0, 0.0, 1.0]);
    });
    let part = image.level(1).layer(1);
    graph.pass("part").writes(part.copy_target()).record(move |cmd| {
        cmd.clear_color(&part, [1.0, 0.0, 0.0, 1.0]);
    });
    assert_eq!(waves_and_barriers(&graph), (2, 1));
    run(graph).await;
    assert_eq!(levels(&gpu, &image).await, [vec![GREEN; 16], vec![GREEN, GREEN, RED, RED]]);
    drop(image);
    close(gpu).await;
}

#[tokio::test]
async fn an_image_scaled_to_another_keeps_its_texels() {
    let gpu = strict_gpu();
    let small = gpu.image::<Ids>("small", [2, 2]).expect("an image");
    let large = gpu.image::<Ids>("large", [4, 4]).expect("an image");
    let [texels, scaled] = [4, 16].map(|len| gpu.buffer::<u32>("texels", len).expect("a buffer"));
    gpu.upload(&texels, 0, vec![1, 2, 3, 4]).await.expect("uploaded").await.expect("complete");
    let graph = Graph::new(&gpu, "scale");
    let (from, to) = (texels.clone(), small.clone());
    graph.pass("write").copies(&texels, &small).record(move |cmd| {
        cmd.copy_to_image(&from, &to);
    });
    let (from, to) = (small.clone(), large.clone());
    graph.pass("scale").reads(small.blit_source()).writes(large.blit_target()).record(move |cmd| {
        cmd.blit(&from, &to, Filter::Nearest);
    });
    let (from, to) = (large.clone(), scaled.clone());
    graph.pass("read").copies(&large, &scaled).record(move |cmd| {
        cmd.copy_image(&from, &to);
    });
    assert_eq!(waves_and_barriers(&graph), (3, 2));
    run(graph).await;
    assert_eq!(words(&gpu, &scaled).await, [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]);
    drop((small, large, texels, scaled));
    close(gpu).await;
}

#[tokio::test]
async fn images_that_cannot_be_are_refused_with_what_can() {
    let gpu = strict_gpu();
    let make = |desc| gpu.image_with::<RenderTarget>("image", desc).expect_err("it cannot be").to_string();
    names(&make(ImageDesc::new([8, 4]).levels(5)), &["`image`", "5 levels", "1 to 4"]);
    names(&make(ImageDesc::new([8, 4]).levels(0)), &["`image`", "0 levels"]);
    names(&make(ImageDesc::new([8, 4]).layers(0)), &["`image`", "0 layers"]);
    names(&make(ImageDesc::new([8, 4]).layers(u32::MAX)), &["`image`", "layers", "1 to"]);
    names(&make(ImageDesc::new([8, 4]).format(vk::Format::D32_SFLOAT)), &["`image`", "D32_SFLOAT", "R8G8B8A8_SRGB"]);
    close(gpu).await;
}

#[tokio::test]
async fn parts_that_an_image_does_not_have_are_refused_by_name() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> =
        gpu.image_with("image", ImageDesc::new([8, 4]).levels(2).layers(3)).expect("an image");
    let said = mistake(&gpu, |pass| pass.reads(image.level(2).copy_source()), |_| ()).await;
    names(&said, &["`image`", "level 2", "2 levels"]);
    let said = mistake(&gpu, |pass| pass.renders(image.level(0).layer(u32::MAX).load()), |_| ()).await;
    names(&said, &["`image`", "3 layers"]);
    let said = mistake(&gpu, |pass| pass.renders(image.load()), |_| ()).await;
    names(&said, &["`image`", "2 levels and 3 layers", "one of each"]);
    let said = mistake(&gpu, |pass| pass.renders(image.level(1).load()), |_| ()).await;
    names(&said, &["`image`", "one of each"]);
    let said = mistake(&gpu, |pass| pass.reads(image.level(0).copy_source()).writes(image.copy_target()), |_| ()).await;
    names(&said, &["`image`", "two layouts"]);
    assert_eq!(gpu.counters().submits, 0);
    drop(image);
    close(gpu).await;
}

#[tokio::test]
async fn image_commands_say_what_is_wrong_with_them() {
    let gpu = strict_gpu();
    let image: GpuImage<RenderTarget> =
        gpu.image_with("image", ImageDesc::new([8, 4]).levels(2).layers(3)).expect("an image");
    let ids = gpu.image::<Ids>("ids", [8, 4]).expect("an image");
    let depth = gpu.image::<Depth>("depth", [8, 4]).expect("an image");
    let data = gpu.buffer::<u32>("data", 16).expect("a buffer");

    let (from, to) = (image.clone(), data.clone());
    let said = mistake(
        &gpu,
        |pass| pass.copies(&image, &data),
        move |cmd| {
            cmd.copy_image(&from, &to);
        },
    )
    .await;
    names(&said, &["copy_image", "2 levels of `image`", "`image.level(..)`"]);
    let (from, to) = (data.clone(), image.level(0).layer(0));
    let said = mistake(
        &gpu,
        |pass| pass.copies(&data, image.level(0).layer(0)),
        move |cmd| {
            cmd.copy_to_image(&from, &to);
        },
    )
    .await;
    names(&said, &["`data` holds 64 B", "`image` need 128 B"]);
    let (from, to) = (image.level(0).layer(1), data.clone());
    let said = mistake(
        &gpu,
        |pass| pass.copies(image.level(1).layer(1), &data),
        move |cmd| {
            cmd.copy_image(&from, &to);
        },
    )
    .await;
    names(&said, &["`data` holds 64 B"]);
    let part = image.level(0).layer(1);
    let said = mistake(
        &gpu,
        |pass| pass.writes(image.level(1).layer(1).copy_target()),
        move |cmd| {
            cmd.clear_color(&part, [0.0; 4]);
        },
    )
    .await;
    names(&said, &["levels 0..1, layers 1..2 of `image`", "add `.writes(image.copy_target())`"]);
    let own = depth.clone();
    let said = mistake(
        &gpu,
        |pass| pass.writes(depth.copy_target()),
        move |cmd| {
            cmd.clear_color(&own, 1.0);
        },
    )
    .await;
    names(&said, &["clear_color of the depth image `depth`", "`.depth(depth.clear(..))`"]);

    let blit = |from: &vulkio::Subimage<RenderTarget>, to: &vulkio::Subimage<RenderTarget>| {
        let (from, to) = (from.clone(), to.clone());
        move |cmd: &mut Encoder<'_>| {
            cmd.blit(&from, &to, Filter::Linear);
        }
    };
    let (one, all) = (image.level(0).layer(0), image.level(1));
    let said = mistake(&gpu, |pass| pass.reads(one.blit_source()).writes(all.blit_target()), blit(&one, &all)).await;
    names(&said, &["blit from `image` to `image`", "1 layers to 3"]);
    let said = mistake(&gpu, |pass| pass.copies(&one, &all), blit(&one, &all)).await;
    names(&said, &["`image`", "add `.reads(image.blit_source())`"]);
    let (from, to) = (image.level(0).layer(0), ids.clone());
    let said = mistake(
        &gpu,
        |pass| pass.reads(image.level(0).layer(0).blit_source()).writes(ids.blit_target()),
        move |cmd| {
            cmd.blit(&from, &to, Filter::Nearest);
        },
    )
    .await;
    names(&said, &["blit from `image` to `ids`", "one kind"]);
    assert_eq!(gpu.counters().submits, 0);
    drop((image, ids, depth, data, one, all));
    close(gpu).await;
}
