//! What is recorded wrongly is refused by name, before the driver sees it, and says what to write instead.

mod common;
mod kit;

use common::{close, soon, strict_gpu};
use kit::{Kit, names};
use vulkio::{Encoder, GpuBuffer, Graph};

#[tokio::test]
async fn what_a_pass_touches_undeclared_is_named_with_what_to_declare() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let [a, b] = [&kit.words, &kit.other].map(GpuBuffer::clone);
    let copy = |a: &GpuBuffer<u32>, b: &GpuBuffer<u32>| {
        let [a, b] = [a, b].map(GpuBuffer::clone);
        move |cmd: &mut Encoder<'_>| {
            cmd.copy(&a, 0..64, &b, 0);
        }
    };
    let said = kit.recording(|pass| pass, copy(&a, &b)).await;
    names(&said, &["pass `mistake`", "`words`", "add `.reads(words.copy_source())`"]);
    let said = kit.recording(|pass| pass.reads(kit.words.copy_source()), copy(&a, &b)).await;
    names(&said, &["pass `mistake`", "`other`", "add `.writes(other.copy_target())`"]);
    // Declared, but for shaders.
    let said = kit.recording(|pass| pass.reads(&kit.words).writes(&kit.other), copy(&a, &b)).await;
    names(&said, &["`words`", "add `.reads(words.copy_source())`"]);
    let own = b.clone();
    let said = kit
        .recording(
            |pass| pass.reads(kit.other.copy_source()),
            move |cmd| {
                cmd.fill(&own, 0..1, 0);
            },
        )
        .await;
    names(&said, &["`other`", "add `.writes(other.copy_target())`"]);
    let own = b.clone();
    let said = kit
        .recording(
            |pass| pass,
            move |cmd| {
                cmd.update(&own, 0, &[1, 2]);
            },
        )
        .await;
    names(&said, &["`other`", "add `.writes(other.copy_target())`"]);
    let (image, own) = (kit.picture.clone(), b.clone());
    let said = kit
        .recording(
            |pass| pass.writes(kit.other.copy_target()),
            move |cmd| {
                cmd.copy_image(&image, &own);
            },
        )
        .await;
    names(&said, &["`picture`", "add `.reads(picture.copy_source())`"]);
    let (kernel, groups) = (kit.kernel.clone(), kit.groups.clone());
    let said = kit
        .recording(
            |pass| pass.reads(&kit.groups),
            move |cmd| {
                cmd.bind(&kernel).dispatch_indirect(&groups, 0);
            },
        )
        .await;
    names(&said, &["`groups`", "add `.reads(groups.indirect())`"]);
    let own = a.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            move |cmd| {
                cmd.index_buffer(&own);
            },
        )
        .await;
    names(&said, &["`words`", "add `.reads(words.index())`"]);
    let (triangle, draws) = (kit.triangle.clone(), kit.draws.clone());
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            move |cmd| {
                cmd.bind(&triangle).draw_indirect(&draws, 0..1);
            },
        )
        .await;
    names(&said, &["`draws`", "add `.reads(draws.indirect())`"]);
    let (triangle, indexed, count) = (kit.triangle.clone(), kit.indexed.clone(), b.clone());
    let indices = a.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()).reads(kit.words.index()).reads(kit.indexed.indirect()),
            move |cmd| {
                cmd.bind(&triangle).index_buffer(&indices);
                cmd.draw_indexed_indirect_count(&indexed, 0..4, &count, 0);
            },
        )
        .await;
    names(&said, &["`other`", "add `.reads(other.indirect())`"]);
    assert_eq!(gpu.counters().submits, 0);
    drop((kit, a, b));
    close(gpu).await;
}

#[tokio::test]
async fn commands_in_the_wrong_kind_of_pass_say_which_kind_they_need() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let kernel = kit.kernel.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            move |cmd| {
                cmd.bind(&kernel);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "compute pipeline `saxpy`", "a pass that renders"]);
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            |cmd| {
                cmd.dispatch([1, 1, 1]);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "dispatch in a pass that renders", "give it a pass of its own"]);
    let triangle = kit.triangle.clone();
    let said = kit
        .recording(
            |pass| pass,
            move |cmd| {
                cmd.bind(&triangle);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "graphics pipeline `triangle`", "a pass that does not render"]);
    let said = kit
        .recording(
            |pass| pass,
            |cmd| {
                cmd.draw(0..3, 0..1);
            },
        )
        .await;
    names(&said, &["draw in a pass that does not render", ".renders(..)"]);
    let said = kit
        .recording(
            |pass| pass,
            |cmd| {
                cmd.viewport([0, 0], [1, 1]);
            },
        )
        .await;
    names(&said, &["viewport in a pass that does not render", ".renders(..)"]);
    let [a, b] = [&kit.words, &kit.other].map(GpuBuffer::clone);
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()).reads(kit.words.copy_source()).writes(kit.other.copy_target()),
            move |cmd| {
                cmd.copy(&a, 0..1, &b, 0);
            },
        )
        .await;
    names(&said, &["copy in a pass that renders", "give it a pass of its own"]);
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn draws_and_dispatches_without_what_they_need_name_it() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let said = kit
        .recording(
            |pass| pass,
            |cmd| {
                cmd.dispatch([1, 1, 1]);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "dispatch without a compute pipeline", "`bind` one before it"]);
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            |cmd| {
                cmd.draw(0..3, 0..1);
            },
        )
        .await;
    names(&said, &["draw without a graphics pipeline", "`bind` one before it"]);
    let triangle = kit.triangle.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            move |cmd| {
                cmd.bind(&triangle).draw_indexed(0..3, 0, 0..1);
            },
        )
        .await;
    names(&said, &["draw_indexed without an index buffer", "`index_buffer(..)`"]);
    let (triangle, indices) = (kit.triangle.clone(), kit.words.clone());
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()).reads(kit.words.index()),
            move |cmd| {
                cmd.bind(&triangle).index_buffer(&indices).draw_indexed(60..66, 0, 0..1);
            },
        )
        .await;
    names(&said, &["draw_indexed", "60..66", "64"]);
    let kernel = kit.kernel.clone();
    let said = kit
        .recording(
            |pass| pass,
            move |cmd| {
                cmd.bind(&kernel).dispatch([1, u32::MAX, 1]);
            },
        )
        .await;
    names(&said, &["dispatch of [1, 4294967295, 1] workgroups", "at most"]);
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            |cmd| {
                cmd.viewport([4, 0], [5, 4]);
            },
        )
        .await;
    names(&said, &["viewport of [5, 4]", "8 x 4"]);
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn a_draw_that_was_not_allowed_is_found_whatever_comes_after_it() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let triangle = kit.triangle.clone();
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            move |cmd| {
                cmd.draw(0..3, 0..1).bind(&triangle).draw(0..3, 0..1).push(&[0u32; 64]);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "draw without a graphics pipeline"]);
    let kernel = kit.kernel.clone();
    let said = kit
        .recording(
            |pass| pass,
            move |cmd| {
                cmd.bind(&kernel).draw(0..3, 0..1).dispatch([u32::MAX; 3]);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "draw in a pass that does not render"]);
    assert_eq!((gpu.counters().draws, gpu.counters().dispatches), (0, 0));
    let triangle = kit.triangle.clone();
    #[expect(clippy::reversed_empty_ranges, reason = "the mistake in question")]
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()),
            move |cmd| {
                cmd.bind(&triangle).draw(0..3, 0..1).draw(3..2, 0..1).draw(0..3, 0..1);
            },
        )
        .await;
    names(&said, &["a draw of the vertices 3..2", "reversed"]);
    assert_eq!(gpu.counters().draws, 1, "the one before the mistake was recorded, and thrown away");
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn indexed_draws_use_the_indices_that_their_pass_declared() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    gpu.upload(&kit.words, 0, vec![0; 64]).await.expect("uploaded").await.expect("complete");
    for (range, allowed) in [(8..14, true), (8..17, false), (7..13, false)] {
        let (triangle, indices) = (kit.triangle.clone(), kit.words.clone());
        let graph = Graph::new(&gpu, "indexed");
        let pass = graph.pass("indexed").renders(kit.picture.load()).reads(kit.words.slice(8..16).index());
        pass.record(move |cmd| {
            cmd.bind(&triangle).index_buffer(&indices).draw_indexed(range, 0, 0..0);
        });
        match soon("the submit", graph.submit()).await {
            Ok(done) => {
                assert!(allowed);
                soon("the graph", done).await.expect("complete");
            }
            Err(error) => {
                assert!(!allowed, "{error}");
                names(&error.to_string(), &["draw_indexed of indices", "declared 8..16"]);
            }
        }
    }
    drop(kit);
    close(gpu).await;
}

#[tokio::test]
async fn data_out_of_range_is_refused_with_the_range_and_the_resource() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let said = kit
        .recording(
            |pass| pass,
            |cmd| {
                cmd.push(&[[0u32; 11]; 3]);
            },
        )
        .await;
    names(&said, &["pass `mistake`", "push constants of 132 bytes", "at most 128", "push its address"]);
    let said = kit
        .recording(
            |pass| pass,
            |cmd| {
                cmd.push(&[0u8; 3]);
            },
        )
        .await;
    names(&said, &["push constants of 3 bytes", "in steps of 4"]);
    let [a, b] = [&kit.words, &kit.other].map(GpuBuffer::clone);
    let cases: [(std::ops::Range<usize>, usize, &[&str]); 4] = [
        (0..65, 0, &["`words`", "0..65", "64 elements"]),
        (0..64, 1, &["`other`", "1..65", "64 elements"]),
        (1..2, usize::MAX, &["`other`", "64 elements"]),
        (usize::MAX - 1..usize::MAX, 0, &["`words`", "64 elements"]),
    ];
    for (range, at, words) in cases {
        let [a, b] = [&a, &b].map(GpuBuffer::clone);
        let said = kit
            .recording(
                |pass| pass.reads(kit.words.copy_source()).writes(kit.other.copy_target()),
                move |cmd| {
                    cmd.copy(&a, range, &b, at);
                },
            )
            .await;
        names(&said, &["pass `mistake`"]);
        names(&said, words);
    }
    let own = a.clone();
    let said = kit
        .recording(
            |pass| pass.reads(kit.words.copy_source()).writes(kit.words.copy_target()),
            move |cmd| {
                cmd.copy(&own, 0..10, &own, 9);
            },
        )
        .await;
    names(&said, &["copy within `words`", "overlapping"]);
    #[expect(clippy::reversed_empty_ranges, reason = "the mistake in question")]
    let reversed = 3..2;
    let own = b.clone();
    let said = kit
        .recording(
            |pass| pass.writes(kit.other.copy_target()),
            move |cmd| {
                cmd.fill(&own, reversed, 0);
            },
        )
        .await;
    names(&said, &["`other`", "3..2", "reversed"]);
    let bytes = gpu.buffer::<u8>("bytes", 1 << 17).expect("a buffer");
    for (at, len, words) in [(0, 65_540, "gpu.upload"), (0, 3, "in steps of 4"), (2, 4, "in steps of 4")] {
        let own = bytes.clone();
        let said = kit
            .recording(
                |pass| pass.writes(bytes.copy_target()),
                move |cmd| {
                    cmd.update(&own, at, &vec![0u8; len]);
                },
            )
            .await;
        names(&said, &["update of `bytes`", words]);
    }
    let (image, own) = (kit.large.clone(), b.clone());
    let said = kit
        .recording(
            |pass| pass.reads(kit.large.copy_source()).writes(kit.other.copy_target()),
            move |cmd| {
                cmd.copy_image(&image, &own);
            },
        )
        .await;
    names(&said, &["`other` holds 256 B", "`large` need 1.0 KiB"]);
    let (kernel, groups) = (kit.kernel.clone(), kit.groups.clone());
    let said = kit
        .recording(
            |pass| pass.reads(kit.groups.indirect()),
            move |cmd| {
                cmd.bind(&kernel).dispatch_indirect(&groups, 4);
            },
        )
        .await;
    names(&said, &["`groups`", "4..5", "4 elements"]);
    let (triangle, draws) = (kit.triangle.clone(), kit.draws.clone());
    let said = kit
        .recording(
            |pass| pass.renders(kit.picture.load()).reads(kit.draws.indirect()),
            move |cmd| {
                cmd.bind(&triangle).draw_indirect(&draws, 3..5);
            },
        )
        .await;
    names(&said, &["`draws`", "3..5", "4 elements"]);
    // Outside of recording.
    let said = gpu.read(&kit.words, 60..65).await.expect_err("out of range").to_string();
    names(&said, &["`words`", "60..65"]);
    let said = gpu.read(&kit.words, 3..3).await.expect_err("nothing").to_string();
    names(&said, &["`words`", "0 elements"]);
    let said = gpu.upload(&kit.words, 60, vec![0; 5]).await.expect_err("out of range").to_string();
    names(&said, &["`words`", "60..65"]);
    let said = gpu.upload(&kit.words, usize::MAX, vec![0; 5]).await.expect_err("out of range").to_string();
    names(&said, &["`words`"]);
    assert_eq!(gpu.counters().submits, 0);
    drop((kit, a, b, bytes));
    close(gpu).await;
}
