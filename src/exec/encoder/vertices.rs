//! Vertices and instances that are fetched from buffers.

use std::{mem::size_of, ops::Range};

use super::{
    Encoder,
    declared::Want,
    ready::{Need, Ready},
};
use crate::{
    error::{Error, Result},
    pipeline::{Fetched, Fetches, INSTANCES, VERTICES},
    resource::{Buffer, VertexData},
};

/// What the pipeline fetches, and the buffers that are bound.
#[derive(Default)]
pub(super) struct VertexInput {
    pub(super) pipeline: Fetches,
    bound: Fetches,
    /// Elements that draws may use.
    vertices: Range<u64>,
    instances: Range<u64>,
}

impl VertexInput {
    /// What must be bound for the pipeline.
    pub(super) fn needs(&self) -> impl Iterator<Item = Need> + use<> {
        let vertices = self.pipeline.vertices.map(|_| Need::Vertices);
        vertices.into_iter().chain(self.pipeline.instances.map(|_| Need::Instances))
    }

    /// Whether anything is fetched.
    pub(super) fn is_fetched(&self) -> bool {
        self.pipeline != Fetches::default()
    }

    fn has(&self, need: Need) -> bool {
        match need {
            Need::Vertices => self.bound.vertices == self.pipeline.vertices,
            _ => self.bound.instances == self.pipeline.instances,
        }
    }

    fn check(&self, vertices: &Range<u32>, instances: &Range<u32>) -> Result<()> {
        if self.pipeline.vertices.is_some() {
            check_within("vertices", vertices, &self.vertices)?;
        }
        if self.pipeline.instances.is_some() {
            check_within("instances", instances, &self.instances)?;
        }
        Ok(())
    }
}

fn check_within(what: &str, drawn: &Range<u32>, held: &Range<u64>) -> Result<()> {
    let within = u64::from(drawn.start) >= held.start && u64::from(drawn.end) <= held.end;
    if within || drawn.is_empty() {
        return Ok(());
    }
    let held = if held.start == 0 { format!("{}", held.end) } else { format!("which the pass declared {held:?}") };
    Err(Error::Invalid(format!("a draw of the {what} {drawn:?} from a buffer of {held}")))
}

impl Encoder<'_> {
    /// Binds the buffer that vertices are fetched from by pipelines made with
    /// [`GraphicsDesc::vertices`](crate::GraphicsDesc::vertices). Draws may use those of its elements that the pass declared with
    /// `reads(buffer.vertex())`; of several slices of it, of the first.
    ///
    /// Which vertices an indexed or an indirect draw fetches, only the GPU knows: indices and arguments that reach beyond the
    /// buffer are their writer's mistake.
    pub fn vertex_buffer<V: VertexData>(&mut self, vertices: &impl Buffer<Element = V>) -> &mut Self {
        self.step(|this| {
            let held = this.bind_fetched("vertex_buffer", VERTICES, vertices)?;
            this.vertex_input.vertices = held;
            this.vertex_input.bound.vertices = Some(Fetched::of::<V>());
            this.fetch();
            Ok(())
        })
    }

    /// Binds the buffer that instances are fetched from by pipelines made with
    /// [`GraphicsDesc::instances`](crate::GraphicsDesc::instances); otherwise as [`vertex_buffer`](Self::vertex_buffer).
    pub fn instance_buffer<V: VertexData>(&mut self, instances: &impl Buffer<Element = V>) -> &mut Self {
        self.step(|this| {
            let held = this.bind_fetched("instance_buffer", INSTANCES, instances)?;
            this.vertex_input.instances = held;
            this.vertex_input.bound.instances = Some(Fetched::of::<V>());
            this.fetch();
            Ok(())
        })
    }

    /// Gives the elements that the pass declared.
    fn bind_fetched<B: Buffer>(&mut self, command: &str, binding: u32, buffer: &B) -> Result<Range<u64>> {
        self.need_rendering(command)?;
        let declared = self.declared_bytes(buffer.inner(), &Want::VERTEX)?;
        let spot = self.need(buffer.inner(), &declared, &Want::VERTEX)?;
        let first = spot.offset - declared.start;
        // SAFETY: the buffer is a vertex buffer and outlives the submission.
        unsafe { self.device.raw.cmd_bind_vertex_buffers(self.cmd, binding, &[spot.raw], &[first]) };
        let size = size_of::<B::Element>() as u64;
        Ok(declared.start / size..declared.end / size)
    }

    /// After the pipeline or a buffer was bound.
    pub(super) fn fetch(&mut self) {
        let ready =
            self.vertex_input.needs().fold(self.ready, |ready, need| ready.having(need, self.vertex_input.has(need)));
        self.care = self.vertex_input.is_fetched() || self.textures.are_new();
        self.set_ready(ready);
    }

    /// Before a draw: binds what is new, and looks at what it fetches. Whether it may be recorded.
    #[cold]
    pub(super) fn cares_for(&mut self, vertices: Range<u32>, instances: Range<u32>) -> bool {
        self.step(|this| {
            if !this.ready.has(Ready::DRAW) {
                return this.need_graphics("draw");
            }
            this.use_textures()?;
            this.vertex_input.check(&vertices, &instances)
        });
        self.error.is_none()
    }
}

/// What is said to a command of a pipeline that fetches, where there is no buffer to fetch from.
pub(super) fn without_vertices(command: &str, need: Need, input: &VertexInput) -> Error {
    let (method, bound) = match need {
        Need::Instances => ("instance_buffer", input.bound.instances),
        _ => ("vertex_buffer", input.bound.vertices),
    };
    Error::Invalid(match bound {
        None => format!("{command} of a pipeline that fetches, without a buffer; say `cmd.{method}(..)` before it"),
        Some(_) => format!(
            "{command} of a pipeline that fetches other elements than those of the bound buffer; say `cmd.{method}(..)` with one of \
             the type that the pipeline was made with"
        ),
    })
}
