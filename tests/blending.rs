//! Blending, scissors and encoded attachments, against what they should give.

mod canvas;
mod common;

use canvas::{Canvas, SRGB, Texel, UNORM};
use common::{close, strict_gpu};
use vulkio::{Attachment, Blend, Filter, Graph, GraphicsDesc, ImageDesc, RenderTarget, SamplerDesc, ash::vk};

const BELOW: [f32; 4] = [0.2, 0.4, 0.6, 0.8];
const ABOVE: Texel = [102, 51, 0, 128];

/// A texture of one colour over a target that was cleared.
async fn over(
    canvas: &Canvas,
    format: vk::Format,
    below: impl Fn(&vulkio::GpuImage<RenderTarget>) -> Attachment,
) -> Texel {
    let gpu = &canvas.gpu;
    let texture = canvas.texture(ImageDesc::new([1, 1]).format(UNORM), &[ABOVE]).await;
    let target = gpu.image_with::<RenderTarget>("target", ImageDesc::new([2, 2]).format(format)).expect("an image");
    let sampler = gpu.sampler(SamplerDesc::default().filter(Filter::Nearest)).expect("a sampler");
    let graph = Graph::new(gpu, "blend");
    let draw = canvas.draw.clone();
    graph.pass("draw").reads(&texture).renders(below(&target)).record(move |cmd| {
        Canvas::fill(cmd, &draw, &texture, &sampler);
    });
    canvas.done(graph).await;
    let seen = canvas.texels(&target).await;
    assert!(seen.iter().all(|texel| *texel == seen[0]), "{seen:?}");
    seen[0]
}

fn near(seen: Texel, expected: [f32; 4]) {
    let off = seen.iter().zip(expected).map(|(seen, expected)| (f32::from(*seen) - expected * 255.0).abs());
    assert!(off.fold(0.0, f32::max) <= 1.5, "{seen:?} where {:?} should be", expected.map(|part| part * 255.0));
}

#[tokio::test]
async fn what_is_drawn_and_what_is_there_become_one_as_said() {
    let gpu = strict_gpu();
    let above = ABOVE.map(|byte| f32::from(byte) / 255.0);
    let alpha = above[3];
    for blend in [Blend::Off, Blend::Alpha, Blend::Premultiplied, Blend::Add] {
        let canvas = Canvas::blending(&gpu, UNORM, blend).await;
        let mixed = |i: usize| {
            let rest = 1.0 - alpha;
            match (blend, i) {
                (Blend::Off, _) => above[i],
                (Blend::Add, 3) => BELOW[3],
                (Blend::Add, _) => BELOW[i] + alpha * above[i],
                (Blend::Premultiplied, _) | (_, 3) => above[i] + rest * BELOW[i],
                (Blend::Alpha, _) => alpha * above[i] + rest * BELOW[i],
            }
        };
        near(over(&canvas, UNORM, |target| target.clear(BELOW)).await, [0, 1, 2, 3].map(mixed));
    }
    close(gpu).await;
}

#[tokio::test]
async fn an_encoded_attachment_mixes_bytes_and_another_one_mixes_light() {
    let gpu = strict_gpu();
    let above = ABOVE.map(|byte| f32::from(byte) / 255.0);
    let rest = 1.0 - above[3];
    let encode = |light: f32| if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    let mixed = |i: usize| above[i] + rest * BELOW[i];
    let canvas = Canvas::blending(&gpu, UNORM, Blend::Premultiplied).await;
    let seen = over(&canvas, SRGB, |target| target.clear(BELOW).encoded()).await;
    near(seen, [0, 1, 2, 3].map(mixed));
    let canvas = Canvas::blending(&gpu, SRGB, Blend::Premultiplied).await;
    let seen = over(&canvas, SRGB, |target| target.clear(BELOW)).await;
    near(seen, [0, 1, 2, 3].map(|i| if i == 3 { mixed(i) } else { encode(mixed(i)) }));
    close(gpu).await;
}

#[tokio::test]
async fn a_format_that_cannot_be_blended_is_refused_with_its_name() {
    let gpu = strict_gpu();
    let shaders =
        (include_bytes!("../shaders/spv/triangle.vert.spv"), include_bytes!("../shaders/spv/raster_word.frag.spv"));
    let desc = GraphicsDesc::new("ids", shaders.0, shaders.1).color(vk::Format::R32_UINT).blend(Blend::Alpha);
    let error = gpu.graphics_pipeline(desc).await.expect_err("numbers do not blend").to_string();
    assert!(error.contains("`ids`") && error.contains("R32_UINT") && error.contains("Alpha"), "{error}");
    close(gpu).await;
}

#[tokio::test]
async fn a_scissor_lets_through_what_lies_in_it_and_a_viewport_sets_it_anew() {
    let gpu = strict_gpu();
    let canvas = Canvas::new(&gpu, UNORM).await;
    let texture = canvas.texture(ImageDesc::new([1, 1]).format(UNORM), &[[255; 4]]).await;
    let sampler = gpu.sampler(SamplerDesc::default()).expect("a sampler");
    let target = gpu.image_with::<RenderTarget>("target", ImageDesc::new([4, 4]).format(UNORM)).expect("an image");
    let graph = Graph::new(&gpu, "scissor");
    let draw = canvas.draw.clone();
    graph.pass("draw").reads(&texture).renders(target.clear([0.0; 4])).record(move |cmd| {
        cmd.scissor([1, 2], [2, 1]);
        Canvas::fill(cmd, &draw, &texture, &sampler);
        cmd.scissor([3, 3], [0, 1]);
        Canvas::fill(cmd, &draw, &texture, &sampler);
        cmd.viewport([0, 0], [1, 1]);
        Canvas::fill(cmd, &draw, &texture, &sampler);
    });
    canvas.done(graph).await;
    let seen = canvas.texels(&target).await;
    let lit: Vec<_> = (0..16).filter(|&i| seen[i] == [255; 4]).collect();
    assert_eq!(lit, [0, 9, 10]);
    close(gpu).await;
}
