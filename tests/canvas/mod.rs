//! Textures drawn over small pictures, and what such a picture should be.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{
    Blend, Encoder, Frame, Gpu, GpuImage, Graph, GraphicsDesc, GraphicsPipeline, ImageDesc, ImagePart, RenderTarget,
    Renderer, RendererOptions, Sampler, Texture, ash::vk,
};

use crate::common::soon;

const VERTEX: &[u8] = include_bytes!("../../shaders/spv/test_texture.vert.spv");
const FRAGMENT: &[u8] = include_bytes!("../../shaders/spv/test_texture.frag.spv");

pub(crate) const UNORM: vk::Format = vk::Format::R8G8B8A8_UNORM;
pub(crate) const SRGB: vk::Format = vk::Format::R8G8B8A8_SRGB;

/// A texel, in bytes.
pub(crate) type Texel = [u8; 4];

/// Where the picture lies on the texture, in its coordinates.
#[repr(C)]
#[derive(Clone, Copy, Debug, bytemuck::NoUninit)]
pub(crate) struct Place {
    pub(crate) origin: [f32; 2],
    pub(crate) right: [f32; 2],
    pub(crate) down: [f32; 2],
    pub(crate) layer: f32,
    pub(crate) number: u32,
}

impl Place {
    /// The whole of the texture.
    pub(crate) fn whole(number: u32) -> Self {
        Self { origin: [0.0, 0.0], right: [1.0, 0.0], down: [0.0, 1.0], layer: 0.0, number }
    }

    /// The coordinates at the middle of a pixel of a picture of `size`.
    pub(crate) fn at(&self, size: [u32; 2], [x, y]: [u32; 2]) -> [f64; 2] {
        let [across, along] = [[x, size[0]], [y, size[1]]].map(|[i, n]| (f64::from(i) + 0.5) / f64::from(n));
        [0, 1].map(|i| f64::from(self.origin[i]) + across * f64::from(self.right[i]) + along * f64::from(self.down[i]))
    }
}

/// What draws, and the format that it draws to.
#[derive(Clone)]
pub(crate) struct Canvas {
    pub(crate) gpu: Gpu,
    pub(crate) draw: GraphicsPipeline,
    pub(crate) format: vk::Format,
}

impl Canvas {
    pub(crate) async fn new(gpu: &Gpu, format: vk::Format) -> Self {
        Self::blending(gpu, format, Blend::Off).await
    }

    pub(crate) async fn blending(gpu: &Gpu, format: vk::Format, blend: Blend) -> Self {
        let desc = GraphicsDesc::new("textured", VERTEX, FRAGMENT).color(format).blend(blend);
        Self { gpu: gpu.clone(), draw: gpu.graphics_pipeline(desc).await.expect("a pipeline"), format }
    }

    /// What a texture looks like.
    pub(crate) async fn picture(
        &self,
        size: [u32; 2],
        texture: &GpuImage<Texture>,
        sampler: &Sampler,
        place: Place,
    ) -> Vec<Texel> {
        let desc = ImageDesc::new(size).format(self.format);
        let image = self.gpu.image_with::<RenderTarget>("picture", desc).expect("an image");
        let graph = Graph::new(&self.gpu, "picture");
        let (draw, from, sampler) = (self.draw.clone(), texture.clone(), sampler.clone());
        graph.pass("draw").reads(texture).renders(image.clear([0.0; 4])).record(move |cmd| {
            let number = cmd.texture(&from, &sampler);
            cmd.bind(&draw).push(&Place { number, ..place }).draw(0..3, 0..1);
        });
        self.done(graph).await;
        self.texels(&image).await
    }

    /// Draws a whole texture over a frame.
    pub(crate) fn show(&self, frame: &Frame, texture: &GpuImage<Texture>, sampler: &Sampler) {
        let (draw, from, sampler) = (self.draw.clone(), texture.clone(), sampler.clone());
        frame.pass("show").reads(texture).renders(frame.target().discard()).record(move |cmd| {
            Self::fill(cmd, &draw, &from, &sampler);
        });
    }

    pub(crate) fn fill(
        cmd: &mut Encoder<'_>,
        draw: &GraphicsPipeline,
        texture: &impl ImagePart<Role = Texture>,
        sampler: &Sampler,
    ) {
        let number = cmd.texture(texture, sampler);
        cmd.bind(draw).push(&Place::whole(number)).draw(0..3, 0..1);
    }

    pub(crate) async fn done(&self, graph: Graph) {
        soon("a graph", soon("a submit", graph.submit()).await.expect("submitted")).await.expect("complete");
    }

    pub(crate) async fn texels(&self, image: &impl ImagePart) -> Vec<Texel> {
        let picture = soon("a picture", self.gpu.read_image(image)).await.expect("read");
        picture.bytes().as_chunks::<4>().0.to_vec()
    }

    pub(crate) async fn texture(&self, desc: ImageDesc, texels: &[Texel]) -> GpuImage<Texture> {
        let texture = self.gpu.image_with::<Texture>("texture", desc).expect("a texture");
        self.upload(&texture.level(0), texels).await;
        texture
    }

    pub(crate) async fn upload(&self, part: &impl ImagePart<Role = Texture>, texels: &[Texel]) {
        soon("an upload", self.gpu.upload_image(part, texels.concat())).await.expect("uploaded");
    }
}

pub(crate) fn renderer(gpu: &Gpu, size: [u32; 2], frames_in_flight: usize) -> Renderer {
    let options = RendererOptions::default().frames_in_flight(frames_in_flight);
    Renderer::with_options(gpu, size, options).expect("a renderer")
}

/// The greatest difference between two pictures' bytes.
pub(crate) fn difference(a: &[Texel], b: &[Texel]) -> u8 {
    assert_eq!(a.len(), b.len(), "of one size");
    a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0)
}
