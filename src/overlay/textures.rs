//! egui's textures on the GPU.
//!
//! A change makes a new image, whole: frames that were declared before keep the one they had. What is written comes with the
//! frame that draws it, and a frame may be dropped; so a texture is written by every frame until one of them was committed.

use std::{collections::HashMap, sync::Arc};

use ash::vk;
use egui::{
    Color32, ColorImage, ImageData, TextureId,
    epaint::{
        ImageDelta,
        textures::{TextureFilter, TextureOptions, TextureWrapMode, TexturesDelta},
    },
};

use crate::{
    error::{Error, Result},
    exec::{Filter, Frame},
    gpu::Gpu,
    pipeline::{Edge, Sampler, SamplerDesc},
    resource::{GpuImage, ImageDesc, Texture},
    sync::prim::lock,
};

/// All textures that meshes may name.
#[derive(Default)]
pub(super) struct Textures {
    all: HashMap<TextureId, Entry>,
    users: u64,
}

struct Entry {
    /// `None` until there is an image of what egui holds now.
    shown: Option<Shown>,
    /// Of egui's own: what it holds.
    own: Option<Own>,
}

/// What a mesh is drawn with.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) image: GpuImage<Texture>,
    pub(super) sampler: Sampler,
    /// Whether sampling it gives linear light.
    pub(super) is_linear: bool,
}

struct Own {
    pixels: Arc<ColorImage>,
    options: TextureOptions,
    /// Whether a committed frame has written it.
    is_written: bool,
}

impl Textures {
    /// Takes over what egui says of its textures, which it does once: all of it, whatever else fails. Those to be freed go with
    /// [`free`](Self::free).
    ///
    /// # Errors
    /// [`Error::Invalid`] for a change of a texture that is not here.
    pub(super) fn take(&mut self, delta: &TexturesDelta) -> Result<()> {
        let taken: Vec<_> = delta.set.iter().map(|(id, delta)| self.set(*id, delta)).collect();
        taken.into_iter().collect()
    }

    /// Makes the images that are missing.
    pub(super) fn make(&mut self, gpu: &Gpu) -> Result<()> {
        for (id, Entry { shown, own }) in &mut self.all {
            if let (None, Some(own)) = (&shown, own) {
                *shown = Some(own.make(gpu, *id)?);
            }
        }
        Ok(())
    }

    pub(super) fn free(&mut self, delta: &TexturesDelta) {
        for id in &delta.free {
            self.all.remove(id);
        }
    }

    fn set(&mut self, id: TextureId, delta: &ImageDelta) -> Result<()> {
        let ImageData::Color(pixels) = &delta.image;
        let pixels = match delta.pos {
            None => Arc::clone(pixels),
            Some(at) => {
                let own = self.all.get(&id).and_then(|entry| entry.own.as_ref());
                let old = own.ok_or_else(|| unknown(id))?;
                Arc::new(patched(&old.pixels, pixels, at))
            }
        };
        let own = Some(Own { pixels, options: delta.options, is_written: false });
        self.all.insert(id, Entry { shown: None, own });
        Ok(())
    }

    /// A texture of the program's own.
    pub(super) fn add(&mut self, gpu: &Gpu, image: &GpuImage<Texture>) -> Result<TextureId> {
        let sampler = gpu.sampler(SamplerDesc::default().edge(Edge::Clamp))?;
        let id = TextureId::User(self.users);
        self.users += 1;
        let is_linear = !is_encoded(image.format());
        let shown = Some(Shown { image: image.clone(), sampler, is_linear });
        self.all.insert(id, Entry { shown, own: None });
        Ok(id)
    }

    pub(super) fn remove(&mut self, id: TextureId) {
        if matches!(id, TextureId::User(_)) {
            self.all.remove(&id);
        }
    }

    pub(super) fn get(&self, id: TextureId) -> Option<&Shown> {
        self.all.get(&id).and_then(|entry| entry.shown.as_ref())
    }

    /// Declares a pass that writes what no committed frame has written, if there is any.
    pub(super) fn write(&mut self, frame: &Frame) {
        let mut writes = Vec::new();
        for Entry { shown, own } in self.all.values_mut() {
            let Some(own) = own.as_mut().filter(|own| !own.is_written) else { continue };
            let Some(shown) = shown else { continue };
            let inner = shown.image.inner();
            own.is_written = lock(&inner.state).is_written(inner.whole());
            if !own.is_written {
                writes.push((shown.image.clone(), Arc::clone(&own.pixels)));
            }
        }
        if writes.is_empty() {
            return;
        }
        let mut pass = frame.pass("overlay textures");
        for (image, _) in &writes {
            pass = pass.writes(image.copy_target());
        }
        pass.record(move |cmd| {
            for (image, pixels) in &writes {
                cmd.update_image(image, [0, 0], image.extent(), bytemuck::cast_slice(&pixels.pixels));
            }
        });
    }
}

impl Own {
    fn make(&self, gpu: &Gpu, id: TextureId) -> Result<Shown> {
        let size = self.pixels.size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let desc = ImageDesc::new(size).format(vk::Format::R8G8B8A8_UNORM);
        let image = gpu.image_with::<Texture>(&format!("egui {id:?}"), desc)?;
        Ok(Shown { image, sampler: gpu.sampler(sampler(self.options))?, is_linear: false })
    }
}

/// A picture with a part of it replaced, as far as that lies within it.
fn patched(old: &ColorImage, part: &ColorImage, at: [usize; 2]) -> ColorImage {
    let mut new = old.clone();
    let ([width, height], [part_width, part_height]) = (old.size, part.size);
    let columns = part_width.min(width.saturating_sub(at[0]));
    for row in 0..part_height.min(height.saturating_sub(at[1])) {
        let (to, from) = ((at[1] + row) * width + at[0], row * part_width);
        let source: &[Color32] = &part.pixels[from..from + columns];
        new.pixels[to..to + columns].copy_from_slice(source);
    }
    new
}

fn sampler(options: TextureOptions) -> SamplerDesc {
    let filter = |filter| match filter {
        TextureFilter::Nearest => Filter::Nearest,
        TextureFilter::Linear => Filter::Linear,
    };
    let edge = match options.wrap_mode {
        TextureWrapMode::ClampToEdge => Edge::Clamp,
        TextureWrapMode::Repeat => Edge::Repeat,
        TextureWrapMode::MirroredRepeat => Edge::Mirror,
    };
    SamplerDesc::default()
        .magnified(filter(options.magnification))
        .minified(filter(options.minification))
        .levels(Filter::Nearest)
        .edge(edge)
}

/// Whether what shaders find in images of this format, or write to them, is encoded as sRGB is, as far as that can be known.
pub(super) fn is_encoded(format: vk::Format) -> bool {
    use vk::Format as F;
    matches!(format, F::R8G8B8A8_UNORM | F::B8G8R8A8_UNORM | F::A2B10G10R10_UNORM_PACK32)
}

fn unknown(id: TextureId) -> Error {
    Error::Invalid(format!(
        "a change of the egui texture {id:?}, which this overlay does not have; an egui context has one overlay, which is \
         given all its output"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_no_more_than_is_there() {
        let of = |size: [usize; 2], value| ColorImage::filled(size, Color32::from_gray(value));
        let new = patched(&of([4, 3], 0), &of([2, 2], 9), [1, 1]);
        let expected = [0, 0, 0, 0, 0, 9, 9, 0, 0, 9, 9, 0].map(Color32::from_gray);
        assert_eq!(new.pixels, expected);
        assert_eq!(patched(&of([4, 3], 0), &of([2, 2], 9), [3, 2]).pixels[11], Color32::from_gray(9));
        assert_eq!(patched(&of([4, 3], 0), &of([2, 2], 9), [7, 7]), of([4, 3], 0));
    }
}
