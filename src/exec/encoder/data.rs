//! Data that a pass's shaders read by address, beyond what push constants hold.

use std::{mem::size_of_val, slice};

use bytemuck::NoUninit;

use super::Encoder;

impl Encoder<'_> {
    /// Copies a value to where this pass's shaders read it, and gives its address there: for what is larger than push
    /// constants, which are at most 128 bytes. 0 after an error.
    ///
    /// Each recording gets memory of its own, so frames in flight never see each other's values. The address is good for
    /// this pass until the submission is complete; it is a multiple of 256. Nothing is to be declared.
    ///
    /// A shader reaches the value through a `buffer_reference` with `scalar` layout, in which fields lie as `#[repr(C)]`
    /// puts them where there is no padding:
    ///
    /// ```glsl
    /// layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer View { mat4 world_to_clip; vec4 sun; };
    /// layout(push_constant, scalar) uniform Push { View view; } push;
    /// void main() { gl_Position = push.view.world_to_clip * corner(gl_VertexIndex); }
    /// ```
    ///
    /// ```no_run
    /// # use vulkio::{Frame, GraphicsPipeline};
    /// #[repr(C)]
    /// #[derive(Clone, Copy, bytemuck::NoUninit)]
    /// struct View { world_to_clip: [[f32; 4]; 4], sun: [f32; 4] }
    ///
    /// # fn example(frame: &Frame, pipeline: GraphicsPipeline, view: View) {
    /// frame.pass("sky").renders(frame.target().load()).record(move |cmd| {
    ///     let view = cmd.data(&view);
    ///     cmd.bind(&pipeline).push(&view).draw(0..3, 0..1);
    /// });
    /// # }
    /// ```
    ///
    /// [`Frame::data`](crate::Frame::data) is for a value that several passes share.
    pub fn data<T: NoUninit>(&mut self, value: &T) -> u64 {
        self.data_slice(slice::from_ref(value))
    }

    /// As [`data`](Self::data), for several values, which follow one another as they do in the slice. It takes at least
    /// one.
    ///
    /// For megabytes, [`Gpu::upload`](crate::Gpu::upload) is better: this copies while the pass is recorded.
    pub fn data_slice<T: NoUninit>(&mut self, values: &[T]) -> u64 {
        let mut address = 0;
        self.step(|this| {
            address = this.pages.write(values)?;
            this.counts.data_bytes += size_of_val(values) as u64;
            Ok(())
        });
        address
    }
}
