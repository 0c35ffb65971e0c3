//! The descriptor sets of textures: written once, changed under frames in flight, given back; and mistakes with them.

mod canvas;
mod common;
mod kit;

use canvas::{Canvas, Place, SRGB, UNORM, renderer};
use common::{Gate, close, counting, open, soon, strict, strict_gpu};
use kit::{Kit, names};
use vulkio::{Edge, Filter, Gpu, GpuImage, ImageDesc, QueueKind, RenderTarget, Sampler, SamplerDesc, Texture};

const BY_SWITCH: &[u8] = include_bytes!("../shaders/spv/test_texture.comp.spv");
const BY_INDEX: &[u8] = include_bytes!("../shaders/spv/test_texture_indexed.comp.spv");

fn nearest(gpu: &Gpu) -> Sampler {
    gpu.sampler(SamplerDesc::default().filter(Filter::Nearest)).expect("a sampler")
}

async fn plain(canvas: &Canvas, level: u8) -> GpuImage<Texture> {
    canvas.texture(ImageDesc::new([2, 2]).format(UNORM), &[[level, 0, 0, 255]; 4]).await
}

#[tokio::test]
async fn frames_like_earlier_ones_write_no_descriptors_and_allocate_nothing() {
    let (options, calls) = counting(strict());
    let gpu = open(options);
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, [4, 4], 2);
    let (a, b) = (plain(&canvas, 1).await, plain(&canvas, 2).await);
    let made = |gpu: &Gpu| (gpu.counters().descriptor_writes, gpu.counters().device_allocations);
    let mut warm = None;
    for n in 0..30 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        // One that lives in the frame alone as well.
        let own = frame.image::<Texture>("own", [4, 4]).expect("a transient");
        frame.pass("clear").renders(own.clear([0.5; 4])).record(|_| ());
        for texture in [&a, &b, &own] {
            canvas.show(&frame, texture, &nearest(&gpu));
        }
        soon("a frame", soon("a submit", frame.submit()).await.expect("submitted")).await.expect("complete");
        if n == 10 {
            warm = Some(made(&gpu));
        }
    }
    assert_eq!(Some(made(&gpu)), warm, "descriptor writes, allocations");
    let sets = u64::from(gpu.textures_per_pass());
    let written = gpu.counters().descriptor_writes;
    assert!(
        (3 * sets..=4 * sets).contains(&written),
        "{written} for three sets of {sets}, or one more for a second arena"
    );
    assert!(calls.total("vkUpdateDescriptorSets") <= 4);
    drop((a, b, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn frames_of_very_many_textures_write_their_descriptors_once() {
    const TEXTURES: u8 = 150;
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, [2, 2], 1);
    let mut textures = Vec::new();
    for level in 0..TEXTURES {
        textures.push(plain(&canvas, level).await);
    }
    let mut written = Vec::new();
    for _ in 0..4 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        for texture in &textures {
            canvas.show(&frame, texture, &nearest(&gpu));
        }
        soon("a frame", soon("a submit", frame.submit()).await.expect("submitted")).await.expect("complete");
        written.push(gpu.counters().descriptor_writes);
    }
    let once = u64::from(TEXTURES) * u64::from(gpu.textures_per_pass());
    assert_eq!(written, [once; 4]);
    drop((textures, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn textures_come_and_go_while_frames_that_use_them_are_in_flight() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, [2, 2], 4);
    let gate = Gate::new(&gpu);
    let mut captures = Vec::new();
    for level in [0, 255, 0, 255] {
        let texture = plain(&canvas, level).await;
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        canvas.show(&frame, &texture, &nearest(&gpu));
        gate.hold(frame.graph());
        captures.push((level, frame.capture()));
        soon("a submit", frame.submit()).await.expect("submitted");
        drop(texture); // the frame has it
    }
    gate.open();
    for (level, capture) in captures {
        let picture = soon("a picture", capture).await.expect("a picture");
        assert_eq!(picture.bytes(), [level, 0, 0, 255].repeat(4));
    }
    drop((gate, renderer));
    close(gpu).await;
}

#[tokio::test]
async fn a_texture_that_is_gone_gives_its_memory_back_and_its_set_to_the_next() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, [2, 2], 1);
    let mut bytes = Vec::new();
    for n in 0..12 {
        let texture = gpu.image::<Texture>("gone", [64, 64]).expect("a texture");
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        frame.pass("clear").renders(texture.clear([1.0; 4])).record(|_| ());
        canvas.show(&frame, &texture, &nearest(&gpu));
        drop(texture);
        soon("a frame", soon("a submit", frame.submit()).await.expect("submitted")).await.expect("complete");
        renderer.idle().await.expect("idle");
        if n > 2 {
            bytes.push(gpu.counters().device_bytes);
        }
    }
    // What a frame used goes right after its end is told: the last texture may still be there, and no other.
    let least = bytes.iter().min().expect("frames were counted");
    assert!(bytes.iter().all(|seen| *seen <= least + 64 * 64 * 4), "{bytes:?}");
    drop(renderer);
    close(gpu).await;
}

#[tokio::test]
async fn numbers_count_up_and_are_the_same_for_the_same_texture_and_sampler() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let (a, b) = (plain(&canvas, 10).await, plain(&canvas, 20).await);
    let (one, same, other) =
        (nearest(&gpu), nearest(&gpu), gpu.sampler(SamplerDesc::default().edge(Edge::Clamp)).expect("a sampler"));
    let kernels: &[&[u8]] = if gpu.info().features.texture_indexing { &[BY_SWITCH, BY_INDEX] } else { &[BY_SWITCH] };
    for spirv in kernels {
        let kernel = gpu.compute_pipeline("look", spirv).await.expect("a pipeline");
        let found = gpu.buffer::<[f32; 4]>("found", 3).expect("a buffer");
        let graph = vulkio::Graph::new(&gpu, "numbers");
        let (into, textures, samplers) =
            (found.address(), [a.clone(), b.clone()], [one.clone(), same.clone(), other.clone()]);
        graph.pass("look").reads(&a).reads(&b).writes(&found).record(move |cmd| {
            cmd.bind(&kernel);
            let [a, b] = &textures;
            let [one, same, other] = &samplers;
            let numbers = [(a, one), (b, one), (a, same), (a, other), (b, one)].map(|(t, s)| cmd.texture(t, s));
            assert_eq!(numbers, [0, 1, 0, 2, 1]);
            cmd.push(&Look { found: into, level: 0.0, unused: 0 }).dispatch([3, 1, 1]);
        });
        canvas.done(graph).await;
        let seen = soon("a read", gpu.read(&found, ..)).await.expect("read");
        let reds: Vec<_> = seen.iter().map(|texel| (texel[0] * 255.0).round()).collect();
        assert_eq!(reds, [10.0, 20.0, 10.0]);
    }
    drop((a, b, one, same, other));
    close(gpu).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_of_a_parallel_pass_and_open_passes_have_textures_of_their_own() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let options = vulkio::RendererOptions::default().in_place_below(std::time::Duration::ZERO);
    let renderer = vulkio::Renderer::with_options(&gpu, [64, 2], options).expect("a renderer");
    let textures = [plain(&canvas, 0).await, plain(&canvas, 255).await];
    let sampler = nearest(&gpu);
    for _ in 0..3 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        let (own, with, draw) = (textures.clone(), sampler.clone(), canvas.draw.clone());
        let pass = frame.pass("shares").reads(&own[0]).reads(&own[1]).renders(frame.target().clear([0.0; 4]));
        pass.parallel(64, move |cmd, range| {
            for x in range {
                cmd.scissor([x as u32, 0], [1, 1]);
                Canvas::fill(cmd, &draw, &own[x % 2], &with);
            }
        });
        let (one, two) = (&textures[0], &textures[1]);
        let open = frame.pass("open").reads(one).reads(two).renders(frame.target().load()).open();
        for (x, texture) in [(0, two), (1, one)] {
            let recorded = frame.with_encoder(open, |cmd| {
                cmd.scissor([x, 1], [1, 1]);
                Canvas::fill(cmd, &canvas.draw, texture, &sampler);
            });
            recorded.expect("recorded");
        }
        let capture = frame.capture();
        soon("a submit", frame.submit()).await.expect("submitted");
        let picture = soon("a picture", capture).await.expect("a picture");
        let texels = picture.bytes().as_chunks::<4>().0;
        let expected: Vec<_> = (0..64).map(|x| if x % 2 == 0 { [0, 0, 0, 255] } else { [255, 0, 0, 255] }).collect();
        assert_eq!(texels[..64], expected);
        assert_eq!(texels[64..67], [[255, 0, 0, 255], [0, 0, 0, 255], [0, 0, 0, 0]]);
    }
    drop((renderer, textures, sampler));
    close(gpu).await;
}

/// As in test_texture.comp.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Look {
    found: u64,
    level: f32,
    unused: u32,
}

#[tokio::test]
async fn mistakes_with_textures_are_told() {
    let gpu = strict_gpu();
    let kit = Kit::new(&gpu).await;
    let canvas = Canvas::new(&gpu, SRGB).await;
    let (texture, sampler) = (plain(&canvas, 1).await, nearest(&gpu));
    let (own, with) = (texture.clone(), sampler.clone());
    let said = kit.recording(|pass| pass.renders(kit.picture.load()), move |cmd| _ = cmd.texture(&own, &with));
    names(&said.await, &["`texture`", ".reads(&texture)"]);

    let (own, with) = (texture.level(0), sampler.clone());
    let said = kit.recording(|pass| pass.writes(texture.copy_target()), move |cmd| _ = cmd.texture(&own, &with));
    names(&said.await, &["`texture`", ".reads(&texture)"]);

    let draw = canvas.draw.clone();
    let said = kit.recording(
        |pass| pass.renders(kit.picture.load()),
        move |cmd| _ = cmd.bind(&draw).push(&Place::whole(0)).draw(0..3, 0..1),
    );
    names(&said.await, &["samples textures", "cmd.texture(..)"]);

    let kernel = gpu.compute_pipeline("look", BY_SWITCH).await.expect("a pipeline");
    let said = kit.recording(|pass| pass.writes(&kit.words), move |cmd| _ = cmd.bind(&kernel).dispatch([1, 1, 1]));
    names(&said.await, &["dispatch", "samples textures"]);

    let most = gpu.textures_per_pass() as usize;
    let all: Vec<_> = (0..=most).map(|_| texture.clone()).collect();
    // As many as there are different ones: by level of anisotropy and edge.
    let desc = |i: usize| {
        let edge = [Edge::Repeat, Edge::Mirror, Edge::Clamp, Edge::Black][i % 4];
        let filters = [Filter::Nearest, Filter::Linear];
        let desc = SamplerDesc::default().edge(edge).magnified(filters[i / 4 % 2]).minified(filters[i / 8 % 2]);
        desc.levels(filters[i / 16 % 2]).anisotropy(1 + (i / 32) as u32)
    };
    let samplers: Vec<_> = (0..=most).map(|i| gpu.sampler(desc(i)).expect("a sampler")).collect();
    let said = kit.recording(
        |pass| pass.reads(&texture).renders(kit.picture.load()),
        move |cmd| all.iter().zip(&samplers).for_each(|(texture, sampler)| _ = cmd.texture(texture, sampler)),
    );
    names(&said.await, &["`texture`", "too many", &most.to_string()]);

    let (own, with) = (texture.clone(), sampler.clone());
    let graph = vulkio::Graph::on(&gpu, "copies", QueueKind::Transfer);
    graph.pass("mistake").reads(&texture).record(move |cmd| _ = cmd.texture(&own, &with));
    let error = soon("a submit", graph.submit()).await.expect_err("no shaders there").to_string();
    names(&error, &["`texture`", "Transfer"]);

    let floats = ImageDesc::new([2, 2]).samples(4);
    names(&gpu.image_with::<Texture>("smooth", floats).expect_err("no samples").to_string(), &["`smooth`", "textures"]);

    let stranger = strict_gpu();
    let (own, foreign) = (texture.clone(), nearest(&stranger));
    let said = kit
        .recording(|pass| pass.reads(&texture).renders(kit.picture.load()), move |cmd| _ = cmd.texture(&own, &foreign));
    names(&said.await, &["`texture`", "another Gpu"]);

    let own = texture.clone();
    let said = kit.recording(
        |pass| pass.writes(texture.copy_target()),
        move |cmd| {
            cmd.update_image(&own, [1, 1], [2, 1], &[0; 8]);
        },
    );
    names(&said.await, &["`texture`", "[2, 1]", "[1, 1]"]);
    let own = texture.clone();
    let said = kit.recording(
        |pass| pass.writes(texture.copy_target()),
        move |cmd| {
            cmd.update_image(&own, [0, 0], [2, 1], &[0; 7]);
        },
    );
    names(&said.await, &["`texture`", "7 bytes", "8"]);
    let said = kit.recording(|pass| pass.renders(kit.picture.load()), |cmd| _ = cmd.scissor([4, 0], [5, 1]));
    names(&said.await, &["scissor", "8 x 4"]);
    let said = kit.declaring(QueueKind::Graphics, |pass| pass.renders(texture.load().encoded())).await;
    names(&said, &["`texture`", "R8G8B8A8_SRGB"]);
    drop((kit, canvas, texture, sampler));
    close(stranger).await;
    close(gpu).await;
}

#[tokio::test]
async fn samples_are_as_many_as_all_formats_have_at_most() {
    let gpu = strict_gpu();
    let formats = [SRGB, vulkio::ash::vk::Format::D32_SFLOAT];
    assert_eq!([0, 1].map(|asked| gpu.clamp_samples(asked, &formats)), [1, 1]);
    let most = gpu.clamp_samples(64, &formats);
    assert!(most.is_power_of_two() && most >= 4, "Vulkan asks for 4");
    let desc = ImageDesc::new([4, 4]).samples(most);
    gpu.image_with::<RenderTarget>("smooth", desc).expect("as many");
    close(gpu).await;
}
