//! The roles of images: what a pass renders to them, and what clears them.

use ash::vk;

use super::Access;

mod sealed {
    pub trait Role {}
}

/// What an image is for: [`RenderTarget`], [`Texture`], [`Depth`] or [`Ids`].
pub trait ImageRole: sealed::Role + 'static {
    /// The format of [`Gpu::image`](crate::Gpu::image). Others that fit the role hold texels of the same kind.
    const FORMAT: vk::Format;
    /// The value that [`GpuImage::clear`](super::GpuImage::clear) takes.
    type Clear;
    /// How systems read it that do not say otherwise; no stages: those of the pass's shaders.
    #[doc(hidden)]
    const READ: Access = Access::IMAGE_COPY_SOURCE;
    /// How systems write it that do not say otherwise.
    #[doc(hidden)]
    const WRITE: Access = Access::COLOR_ATTACHMENT;
    /// Whether shaders sample it.
    #[doc(hidden)]
    const SAMPLED: bool = false;
    /// That value as Vulkan takes it.
    fn clear_value(value: Self::Clear) -> vk::ClearValue;
}

/// A picture: a colour attachment, by default `R8G8B8A8_SRGB`. Cleared with `[f32; 4]`, in linear light.
#[derive(Debug)]
pub enum RenderTarget {}

/// A picture that shaders sample with [`Encoder::texture`](crate::Encoder::texture), by default `R8G8B8A8_SRGB`: from a file, or
/// rendered to before. Cleared with `[f32; 4]`, in linear light.
#[derive(Debug)]
pub enum Texture {}

/// A depth attachment, by default `D32_SFLOAT`. Cleared with an `f32`; with reversed Z, far is 0.
#[derive(Debug)]
pub enum Depth {}

/// Numbers as a colour attachment, by default one `R32_UINT` a texel. Cleared with a `u32`, in every channel.
#[derive(Debug)]
pub enum Ids {}

impl sealed::Role for RenderTarget {}
impl sealed::Role for Texture {}
impl sealed::Role for Depth {}
impl sealed::Role for Ids {}

impl ImageRole for RenderTarget {
    const FORMAT: vk::Format = vk::Format::R8G8B8A8_SRGB;
    type Clear = [f32; 4];
    fn clear_value(float32: [f32; 4]) -> vk::ClearValue {
        vk::ClearValue { color: vk::ClearColorValue { float32 } }
    }
}

impl ImageRole for Texture {
    const FORMAT: vk::Format = RenderTarget::FORMAT;
    type Clear = [f32; 4];
    const SAMPLED: bool = true;
    const READ: Access = Access::SAMPLED;
    const WRITE: Access = Access::IMAGE_COPY_TARGET;
    fn clear_value(value: [f32; 4]) -> vk::ClearValue {
        RenderTarget::clear_value(value)
    }
}

impl ImageRole for Depth {
    const FORMAT: vk::Format = vk::Format::D32_SFLOAT;
    type Clear = f32;
    const WRITE: Access = Access::DEPTH_ATTACHMENT;
    fn clear_value(depth: f32) -> vk::ClearValue {
        vk::ClearValue { depth_stencil: vk::ClearDepthStencilValue { depth, stencil: 0 } }
    }
}

impl ImageRole for Ids {
    const FORMAT: vk::Format = vk::Format::R32_UINT;
    type Clear = u32;
    fn clear_value(id: u32) -> vk::ClearValue {
        vk::ClearValue { color: vk::ClearColorValue { uint32: [id; 4] } }
    }
}
