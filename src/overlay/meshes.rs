//! egui's meshes as draws.

use std::ops::Range;

use egui::{ClippedPrimitive, Rect, TextureId, epaint::Primitive};

use super::textures::{Shown, Textures};
use crate::{
    error::Result,
    exec::{Encoder, Frame},
    pipeline::GraphicsPipeline,
    resource::Attachment,
};

/// As in overlay.glsl.
const TEXTURE_IS_LINEAR: u32 = 1;
pub(super) const TARGET_IS_LINEAR: u32 = 2;

/// As in overlay.glsl.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Push {
    vertices: u64,
    indices: u64,
    clip_of_point: [f32; 2],
    number: u32,
    flags: u32,
}

/// What is drawn with one texture, within one rectangle.
struct Draw {
    /// Which of its pass's textures.
    texture: usize,
    at: [u32; 2],
    size: [u32; 2],
    indices: u32,
    push: Push,
}

/// The draws of one pass, and the textures that they are drawn with: no more than a pass can have.
#[derive(Default)]
struct Batch {
    textures: Vec<(TextureId, Shown)>,
    draws: Vec<Draw>,
}

/// Where to draw.
pub(super) struct Canvas<'c> {
    pub(super) pipeline: &'c GraphicsPipeline,
    pub(super) target: Attachment,
    /// Of the target, in pixels.
    pub(super) size: [u32; 2],
    pub(super) pixels_per_point: f32,
    pub(super) flags: u32,
    /// Of a pass.
    pub(super) most_textures: usize,
}

impl Canvas<'_> {
    /// Writes meshes to the frame's memory, and declares the passes that draw them.
    pub(super) fn draw(&self, frame: &Frame, meshes: &[ClippedPrimitive], textures: &Textures) -> Result<()> {
        let mut batch = Batch::default();
        for ClippedPrimitive { clip_rect, primitive } in meshes {
            let Primitive::Mesh(mesh) = primitive else {
                static SAID: std::sync::Once = std::sync::Once::new();
                SAID.call_once(|| tracing::warn!("egui's paint callbacks are not drawn: vulkio's passes do that"));
                continue;
            };
            let [columns, rows] = pixels(*clip_rect, self.pixels_per_point, self.size);
            let Some(shown) = textures.get(mesh.texture_id) else { continue };
            // What egui makes is whole; a program may have made the mesh.
            if mesh.indices.is_empty() || columns.is_empty() || rows.is_empty() || !mesh.is_valid() {
                continue;
            }
            let texture = match batch.place(mesh.texture_id, shown, self.most_textures) {
                Some(place) => place,
                None => {
                    self.pass(frame, std::mem::take(&mut batch));
                    batch.textures.push((mesh.texture_id, shown.clone()));
                    0
                }
            };
            let push = Push {
                vertices: frame.data_slice(&mesh.vertices)?.address(),
                indices: frame.data_slice(&mesh.indices)?.address(),
                clip_of_point: self.size.map(|side| 2.0 * self.pixels_per_point / side as f32),
                number: 0,
                flags: self.flags | if shown.is_linear { TEXTURE_IS_LINEAR } else { 0 },
            };
            let (at, size) = ([columns.start, rows.start], [columns.len() as u32, rows.len() as u32]);
            batch.draws.push(Draw { texture, at, size, indices: mesh.indices.len() as u32, push });
        }
        self.pass(frame, batch);
        Ok(())
    }

    fn pass(&self, frame: &Frame, batch: Batch) {
        if batch.draws.is_empty() {
            return;
        }
        let mut pass = frame.pass("overlay").renders(&self.target);
        for (_, shown) in &batch.textures {
            pass = pass.reads(&shown.image);
        }
        let pipeline = self.pipeline.clone();
        pass.record(move |cmd| batch.record(cmd, &pipeline));
    }
}

impl Batch {
    /// Where among the textures it is; none if there is no room.
    fn place(&mut self, id: TextureId, shown: &Shown, most: usize) -> Option<usize> {
        let place = self.textures.iter().position(|(known, _)| *known == id);
        if place.is_none() && self.textures.len() < most {
            self.textures.push((id, shown.clone()));
            return Some(self.textures.len() - 1);
        }
        place
    }

    fn record(self, cmd: &mut Encoder<'_>, pipeline: &GraphicsPipeline) {
        let numbers: Vec<_> =
            self.textures.iter().map(|(_, shown)| cmd.texture(&shown.image, &shown.sampler)).collect();
        cmd.bind(pipeline);
        for Draw { texture, at, size, indices, push } in self.draws {
            let push = Push { number: numbers[texture], ..push };
            cmd.scissor(at, size).push(&push).draw(0..indices, 0..1);
        }
    }
}

/// A rectangle of points in whole pixels, as far as it lies within the target.
fn pixels(rect: Rect, pixels_per_point: f32, size: [u32; 2]) -> [Range<u32>; 2] {
    let axis = |from: f32, to: f32, most: u32| {
        // What is less than 0 or no number becomes 0.
        let [from, to] = [from, to].map(|at| ((at * pixels_per_point).round() as u32).min(most));
        from..to
    };
    [axis(rect.min.x, rect.max.x, size[0]), axis(rect.min.y, rect.max.y, size[1])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::pos2;

    #[test]
    fn a_rectangle_is_cut_to_the_target() {
        let of = |min, max, scale| pixels(Rect::from_min_max(min, max), scale, [100, 50]);
        assert_eq!(of(pos2(1.0, 2.0), pos2(3.4, 4.6), 1.0), [1..3, 2..5]);
        assert_eq!(of(pos2(-9.0, -9.0), pos2(1e9, f32::INFINITY), 2.0), [0..100, 0..50]);
        let nothing = of(pos2(f32::NAN, 70.0), pos2(-1.0, 80.0), 1.0);
        assert!(nothing.iter().all(Range::is_empty), "{nothing:?}");
    }
}
