//! Textures as shaders sample them, against what they should find.

mod canvas;
mod common;
mod scenes;

use canvas::{Canvas, Place, SRGB, Texel, UNORM, difference, renderer};
use common::{Gate, close, soon, strict_gpu};
use scenes::{Random, seed};
use vulkio::{Edge, Filter, Gpu, GpuImage, Graph, ImageDesc, Sampler, SamplerDesc, Texture, ash::vk};

const NEAREST: fn(&Gpu) -> Sampler = |gpu| sampler(gpu, SamplerDesc::default().filter(Filter::Nearest));

fn sampler(gpu: &Gpu, desc: SamplerDesc) -> Sampler {
    gpu.sampler(desc).expect("a sampler")
}

fn random_texels(random: &mut Random, count: u32) -> Vec<Texel> {
    (0..count).map(|_| (random.bits() as u32).to_le_bytes()).collect()
}

/// The texel that coordinates name, beyond the edges too; none where it is black.
fn wrap(edge: Edge, at: i64, side: i64) -> Option<i64> {
    match edge {
        Edge::Repeat => Some(at.rem_euclid(side)),
        Edge::Mirror => {
            let at = at.rem_euclid(2 * side);
            Some(if at < side { at } else { 2 * side - 1 - at })
        }
        Edge::Clamp => Some(at.clamp(0, side - 1)),
        Edge::Black => (0..side).contains(&at).then_some(at),
    }
}

/// What a sampler finds in a texture of one level, in fractions of bytes.
fn found(texels: &[Texel], side: u32, filter: Filter, edge: Edge, at: [f64; 2]) -> [f64; 4] {
    let side = i64::from(side);
    let texel = |x: i64, y: i64| match (wrap(edge, x, side), wrap(edge, y, side)) {
        (Some(x), Some(y)) => texels[(y * side + x) as usize].map(f64::from),
        _ => [0.0; 4],
    };
    let [x, y] = at.map(|at| at * side as f64);
    if filter == Filter::Nearest {
        return texel(x.floor() as i64, y.floor() as i64);
    }
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let mut sum = [0.0; 4];
    for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
        let weight = |d: i64, part: f64| if d == 0 { 1.0 - part } else { part };
        let weight = weight(dx, x - left) * weight(dy, y - top);
        let texel = texel(left as i64 + dx, top as i64 + dy);
        (0..4).for_each(|i| sum[i] += weight * texel[i]);
    }
    sum
}

#[tokio::test]
async fn a_picture_of_a_texture_of_its_size_is_the_texture() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    for format in [UNORM, SRGB] {
        let canvas = Canvas::new(&gpu, format).await;
        let texels = random_texels(&mut random, 16 * 8);
        let texture = canvas.texture(ImageDesc::new([16, 8]).format(format), &texels).await;
        let seen = canvas.picture([16, 8], &texture, &NEAREST(&gpu), Place::whole(0)).await;
        let off = difference(&seen, &texels);
        assert!(off <= u8::from(format == SRGB), "{format:?}: {off}");
    }
    close(gpu).await;
}

#[tokio::test]
async fn filters_and_edges_give_what_they_should_anywhere_on_a_texture_and_beyond_it() {
    const SIDE: u32 = 8;
    const SIZE: [u32; 2] = [64, 48];
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let canvas = Canvas::new(&gpu, UNORM).await;
    let texels = random_texels(&mut random, SIDE * SIDE);
    let texture = canvas.texture(ImageDesc::new([SIDE; 2]).format(UNORM), &texels).await;
    for filter in [Filter::Nearest, Filter::Linear] {
        for edge in [Edge::Repeat, Edge::Mirror, Edge::Clamp, Edge::Black] {
            let sampler = sampler(&gpu, SamplerDesc::default().filter(filter).edge(edge));
            // Turned, magnified, and well beyond the edges; no pixel's middle lies on the edge of a texel.
            let place = Place {
                origin: [random.between(-1.5, -1.0), random.between(-1.5, -1.0)],
                right: [random.between(2.5, 3.0), random.between(0.1, 0.4)],
                down: [random.between(-0.4, -0.1), random.between(2.5, 3.0)],
                layer: 0.0,
                number: 0,
            };
            let seen = canvas.picture(SIZE, &texture, &sampler, place).await;
            let mut off = 0;
            for (i, seen) in (0u32..).zip(&seen) {
                let at = place.at(SIZE, [i % SIZE[0], i / SIZE[0]]);
                let edge_of_texel =
                    at.map(|at| (at * f64::from(SIDE)).rem_euclid(1.0)).map(|part| part.min(1.0 - part));
                if filter == Filter::Nearest && edge_of_texel.iter().any(|&distance| distance < 0.02) {
                    continue; // either neighbour is right
                }
                let expected = found(&texels, SIDE, filter, edge, at);
                let far = expected.iter().zip(seen).any(|(a, &b)| (a - f64::from(b)).abs() > 6.0);
                off += usize::from(far);
            }
            assert_eq!(off, 0, "{filter:?}, {edge:?}, {place:?}");
        }
    }
    close(gpu).await;
}

#[tokio::test]
async fn each_level_is_the_mean_of_the_one_before_and_shows_where_texels_are_small() {
    const SIDE: u32 = 32;
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let canvas = Canvas::new(&gpu, UNORM).await;
    let texels = random_texels(&mut random, SIDE * SIDE);
    let texture = canvas.texture(ImageDesc::new([SIDE; 2]).format(UNORM).levels(6), &texels).await;
    let graph = Graph::new(&gpu, "mips");
    assert!(graph.mips(&texture).is_some());
    canvas.done(graph).await;
    let (mut level, mut side) = (texels, SIDE as usize);
    let nearest = sampler(&gpu, SamplerDesc::default().filter(Filter::Nearest).levels(Filter::Nearest));
    for n in 1..6 {
        let half = side / 2;
        let mean = |i: usize| -> Texel {
            let (x, y) = (i % half * 2, i / half * 2);
            let four = [[x, y], [x + 1, y], [x, y + 1], [x + 1, y + 1]].map(|[x, y]| level[y * side + x]);
            std::array::from_fn(|c| (four.iter().map(|t| u32::from(t[c])).sum::<u32>() as f32 / 4.0).round() as u8)
        };
        let expected: Vec<Texel> = (0..half * half).map(mean).collect();
        let seen = canvas.texels(&texture.level(n)).await;
        assert!(difference(&seen, &expected) <= 1, "level {n}");
        let size = [half as u32; 2];
        let drawn = canvas.picture(size, &texture, &nearest, Place::whole(0)).await;
        assert_eq!(drawn, seen, "level {n} is what shows at its size");
        (level, side) = (seen, half);
    }
    assert!(Graph::new(&gpu, "one").mips(&canvas.texture(ImageDesc::new([1, 1]), &[[0; 4]]).await).is_none());
    close(gpu).await;
}

#[tokio::test]
async fn layers_and_levels_are_sampled_alone_or_as_a_part() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, UNORM).await;
    let desc = ImageDesc::new([4, 4]).format(UNORM).levels(2).layers(3);
    let texture = gpu.image_with::<Texture>("layers", desc).expect("a texture");
    let color = |level: u32, layer: u32| [10 + level as u8, 20 + layer as u8, 30, 255];
    for (level, count) in [(0, 16), (1, 4)] {
        for layer in 0..3 {
            canvas.upload(&texture.level(level).layer(layer), &vec![color(level, layer); count]).await;
        }
    }
    for layer in 0..3 {
        let place = Place { layer: layer as f32, ..Place::whole(0) };
        let seen = canvas.picture([4, 4], &texture, &NEAREST(&gpu), place).await;
        assert_eq!(seen, [color(0, layer); 16]);
        let part = texture.level(1).layer(layer);
        let target =
            gpu.image_with::<vulkio::RenderTarget>("p", ImageDesc::new([4, 4]).format(UNORM)).expect("an image");
        let graph = Graph::new(&gpu, "part");
        let (draw, sampler, own) = (canvas.draw.clone(), NEAREST(&gpu), part.clone());
        graph.pass("part").reads(&part).renders(target.clear([0.0; 4])).record(move |cmd| {
            Canvas::fill(cmd, &draw, &own, &sampler);
        });
        canvas.done(graph).await;
        assert_eq!(canvas.texels(&target).await, [color(1, layer); 16], "from the part's own first layer on");
    }
    close(gpu).await;
}

#[tokio::test]
async fn a_texture_is_rendered_to_level_by_level_and_sampled_in_the_same_frame() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, [8, 8], 2);
    let texture = gpu.image_with::<Texture>("rendered", ImageDesc::new([8, 8]).levels(2)).expect("a texture");
    for red in [0.0, 1.0] {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        frame.pass("clear").renders(texture.level(0).clear([red, 1.0, 0.0, 1.0])).record(|_| ());
        let (draw, nearest) = (canvas.draw.clone(), NEAREST(&gpu));
        let part = texture.level(0);
        let (own, to) = (part.clone(), texture.level(1));
        frame.pass("halve").reads(&part).renders(to.discard()).record(move |cmd| {
            Canvas::fill(cmd, &draw, &own, &nearest);
        });
        canvas.show(&frame, &texture, &NEAREST(&gpu));
        let stats = frame.plan_stats().expect("a plan");
        assert_eq!((stats.passes, stats.waves), (3, 3));
        let capture = frame.capture();
        soon("a submit", frame.submit()).await.expect("submitted");
        let picture = soon("a picture", capture).await.expect("a picture");
        assert_eq!(picture.bytes(), [(red * 255.0) as u8, 255, 0, 255].repeat(64));
        assert_eq!(canvas.texels(&texture.level(1)).await, [[(red * 255.0) as u8, 255, 0, 255]; 16]);
    }
    drop((renderer, texture));
    close(gpu).await;
}

#[tokio::test]
async fn a_part_of_a_texture_is_updated_in_a_frame_while_earlier_ones_still_show_the_old_one() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, SRGB).await;
    let renderer = renderer(&gpu, [4, 4], 3);
    let texture = canvas.texture(ImageDesc::new([4, 4]), &[[0, 0, 0, 255]; 16]).await;
    let gate = Gate::new(&gpu);
    let mut captures = Vec::new();
    for n in 0..3u32 {
        let frame = soon("a slot", renderer.frame()).await.expect("a frame");
        if n > 0 {
            let own = texture.clone();
            frame.pass("update").writes(texture.copy_target()).record(move |cmd| {
                cmd.update_image(&own, [n, 1], [1, 2], &[255; 8]);
            });
        }
        canvas.show(&frame, &texture, &NEAREST(&gpu));
        gate.hold(frame.graph());
        captures.push(frame.capture());
        soon("a submit", frame.submit()).await.expect("submitted");
    }
    gate.open();
    for (n, capture) in (0u32..).zip(captures) {
        let picture = soon("a picture", capture).await.expect("a picture");
        let texel = |i: u32| match [i % 4, i / 4] {
            [x, 1 | 2] if 0 < x && x <= n => [255; 4],
            _ => [0, 0, 0, 255],
        };
        assert_eq!(picture.bytes(), (0..16).map(texel).collect::<Vec<_>>().concat(), "frame {n}");
    }
    drop((gate, renderer, texture));
    close(gpu).await;
}

#[tokio::test]
async fn what_is_wider_at_an_angle_is_sharper_with_anisotropy() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, UNORM).await;
    // Stripes across: a picture that shows four times as many rows as it has, but each column once, blurs them or not.
    let texels: Vec<Texel> = (0..64 * 64).map(|i| if i % 2 == 0 { [255; 4] } else { [0; 4] }).collect();
    let texture = canvas.texture(ImageDesc::new([64, 64]).format(UNORM).levels(7), &texels).await;
    let graph = Graph::new(&gpu, "mips");
    graph.mips(&texture);
    canvas.done(graph).await;
    let contrast = |texels: &[Texel]| {
        let reds = texels.iter().map(|texel| texel[0]);
        reds.clone().max().zip(reds.min()).map_or(0, |(high, low)| high - low)
    };
    let mut seen = Vec::new();
    for samples in [1, 16] {
        let sampler = sampler(&gpu, SamplerDesc::default().anisotropy(samples));
        assert_eq!(sampler.anisotropy(), samples.min(gpu.info().limits.max_sampler_anisotropy as u32));
        seen.push(contrast(&canvas.picture([64, 16], &texture, &sampler, Place::whole(0)).await));
    }
    assert!(seen[0] < 8 && seen[1] > 32, "{seen:?}");
    close(gpu).await;
}

#[tokio::test]
async fn a_sampler_has_no_more_anisotropy_than_the_device() {
    let gpu = strict_gpu();
    let info = gpu.info();
    let most = if info.features.sampler_anisotropy { info.limits.max_sampler_anisotropy as u32 } else { 1 };
    assert_eq!(sampler(&gpu, SamplerDesc::default().anisotropy(1000)).anisotropy(), most);
    assert_eq!(sampler(&gpu, SamplerDesc::default().anisotropy(0)).anisotropy(), 1);
    close(gpu).await;
}

#[tokio::test]
async fn textures_of_the_usual_formats_are_sampled_and_rendered_to() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, UNORM).await;
    let formats = [
        (vk::Format::R8_UNORM, vec![51u8], [51, 0, 0, 255]),
        (vk::Format::R8G8_UNORM, vec![51, 102], [51, 102, 0, 255]),
        (vk::Format::B8G8R8A8_UNORM, vec![1, 2, 3, 4], [3, 2, 1, 4]),
        (vk::Format::R16_SFLOAT, vec![0x00, 0x38], [128, 0, 0, 255]),
        (vk::Format::R16G16B16A16_SFLOAT, [0x3c00u16, 0, 0x3c00, 0].map(u16::to_le_bytes).concat(), [255, 0, 255, 0]),
        (vk::Format::R32G32B32A32_SFLOAT, [1.0f32, 0.0, 1.0, 0.2].map(f32::to_le_bytes).concat(), [255, 0, 255, 51]),
    ];
    for (format, texel, expected) in formats {
        let texture = gpu.image_with::<Texture>("texture", ImageDesc::new([2, 2]).format(format)).expect("a texture");
        soon("an upload", gpu.upload_image(&texture, texel.repeat(4))).await.expect("uploaded");
        let nearest = SamplerDesc::default().filter(Filter::Nearest).levels(Filter::Nearest);
        let seen = canvas.picture([2, 2], &texture, &sampler(&gpu, nearest), Place::whole(0)).await;
        assert!(difference(&seen, &[expected; 4]) <= 1, "{format:?}: {seen:?}");
    }
    close(gpu).await;
}

#[tokio::test]
async fn random_textures_in_random_frames_show_what_they_hold() {
    let gpu = strict_gpu();
    let mut random = Random(seed());
    let canvas = Canvas::new(&gpu, UNORM).await;
    let most = gpu.textures_per_pass().min(16) as u64;
    let samplers = [Edge::Repeat, Edge::Clamp].map(|edge| sampler(&gpu, SamplerDesc::default().edge(edge)));
    let mut textures: Vec<(GpuImage<Texture>, Texel)> = Vec::new();
    for round in 0..12 {
        // Some come, some go.
        for _ in 0..random.bits() % 4 {
            let color = (random.bits() as u32).to_le_bytes();
            textures.push((canvas.texture(ImageDesc::new([2, 2]).format(UNORM), &[color; 4]).await, color));
        }
        if !textures.is_empty() && random.bits().is_multiple_of(3) {
            textures.swap_remove(random.bits() as usize % textures.len());
        }
        let chosen: Vec<_> = (0..random.bits() % most)
            .filter(|_| !textures.is_empty())
            .map(|_| (random.bits() as usize % textures.len(), random.bits() as usize % 2))
            .collect();
        let target =
            gpu.image_with::<vulkio::RenderTarget>("p", ImageDesc::new([16, 1]).format(UNORM)).expect("an image");
        let graph = Graph::new(&gpu, "random");
        let mut pass = graph.pass("draw").renders(target.clear([0.0; 4]));
        for (index, _) in &chosen {
            pass = pass.reads(&textures[*index].0);
        }
        let draws: Vec<_> =
            chosen.iter().map(|&(index, edge)| (textures[index].0.clone(), samplers[edge].clone())).collect();
        let draw = canvas.draw.clone();
        // Asked for one by one, or all before the first draw.
        let at_once = random.bits().is_multiple_of(2);
        pass.record(move |cmd| {
            if at_once {
                draws.iter().for_each(|(texture, sampler)| _ = cmd.texture(texture, sampler));
            }
            for (x, (texture, sampler)) in (0u32..).zip(&draws) {
                cmd.scissor([x, 0], [1, 1]);
                Canvas::fill(cmd, &draw, texture, sampler);
            }
        });
        canvas.done(graph).await;
        let mut expected: Vec<Texel> = chosen.iter().map(|(index, _)| textures[*index].1).collect();
        expected.resize(16, [0; 4]);
        assert_eq!(canvas.texels(&target).await, expected, "round {round}: {chosen:?}");
    }
    drop((textures, samplers));
    close(gpu).await;
}
