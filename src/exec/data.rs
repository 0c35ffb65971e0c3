//! A value that passes of one frame share.

use std::{any::type_name, fmt, marker::PhantomData, slice};

use bytemuck::NoUninit;

use crate::{error::Result, gpu::counters::Counters, graph::Graph};

/// A value in the memory of a frame or graph, for its passes: what [`Frame::data`](crate::Frame::data) and
/// [`Graph::data`] give. A handle: it keeps nothing alive.
pub struct FrameData<T: ?Sized> {
    address: u64,
    value: PhantomData<fn() -> *const T>,
}

impl<T: ?Sized> FrameData<T> {
    /// The address at which shaders of this frame's passes read the value, until the frame is complete or dropped; a
    /// multiple of 256. Pass it in push constants.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.address
    }
}

impl Graph {
    /// Copies a value to where shaders of this graph's passes read it. What changes every frame and is the same for all of
    /// its passes, a camera say, is written once: each frame has memory of its own for it, and no frame waits for another,
    /// however many are in flight.
    ///
    /// It is written now; nothing is to be declared. The shader's side is that of [`Encoder::data`](crate::Encoder::data).
    ///
    /// ```no_run
    /// # use vulkio::{ComputePipeline, GpuBuffer, GraphicsPipeline, Renderer};
    /// #[repr(C)]
    /// #[derive(Clone, Copy, bytemuck::NoUninit)]
    /// struct View { world_to_clip: [[f32; 4]; 4], sun: [f32; 4] }
    ///
    /// # struct Scene { cull: ComputePipeline, draw: GraphicsPipeline, visible: GpuBuffer<u32> }
    /// # impl Scene { fn view(&self, _: u32) -> View { View { world_to_clip: [[0.0; 4]; 4], sun: [0.0; 4] } } }
    /// # async fn example(renderer: Renderer, scene: Scene) -> vulkio::Result<()> {
    /// for n in 0..600 {
    ///     let frame = renderer.frame().await?;
    ///     let view = frame.data(&scene.view(n))?.address(); // this frame's own
    ///     let (cull, draw) = (scene.cull.clone(), scene.draw.clone());
    ///     let list = scene.visible.address();
    ///     frame.pass("cull").writes(&scene.visible).record(move |cmd| {
    ///         cmd.bind(&cull).push(&[view, list]).dispatch([64, 1, 1]);
    ///     });
    ///     frame.pass("draw").reads(&scene.visible).renders(frame.target().load()).record(move |cmd| {
    ///         cmd.bind(&draw).push(&[view, list]).draw(0..36, 0..64);
    ///     });
    ///     frame.submit().await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if `T` has no size,
    /// [`Error::OutOfDeviceMemory`](crate::Error::OutOfDeviceMemory).
    pub fn data<T: NoUninit>(&self, value: &T) -> Result<FrameData<T>> {
        let FrameData { address, .. } = self.data_slice(slice::from_ref(value))?;
        Ok(FrameData { address, value: PhantomData })
    }

    /// As [`data`](Self::data), for several values, which follow one another as they do in the slice.
    ///
    /// # Errors
    ///
    /// As [`data`](Self::data); [`Error::Invalid`](crate::Error::Invalid) if there are none.
    pub fn data_slice<T: NoUninit>(&self, values: &[T]) -> Result<FrameData<[T]>> {
        let address = self.with_pages(|pages| pages.write(values))?;
        Counters::add(&self.gpu().shared.device.counters.frame_data_bytes, size_of_val(values) as u64);
        Ok(FrameData { address, value: PhantomData })
    }
}

impl<T: ?Sized> Clone for FrameData<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for FrameData<T> {}

impl<T: ?Sized> fmt::Debug for FrameData<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = format_args!("{:#x}", self.address);
        f.debug_struct("FrameData").field("of", &type_name::<T>()).field("address", &address).finish()
    }
}
