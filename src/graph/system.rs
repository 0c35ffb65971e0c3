//! Reusable GPU tasks.

use super::{Graph, uses::Uses};
use crate::{error::Result, exec::Encoder, gpu::QueueKind};

/// A reusable GPU task: says what it reads and writes, and records its commands.
///
/// ```no_run
/// use vulkio::{ComputePipeline, Encoder, GpuBuffer, Result, System, Uses};
///
/// struct Double { pipeline: ComputePipeline, data: GpuBuffer<f32> }
///
/// impl System for Double {
///     fn name(&self) -> &str { "double" }
///     fn declare(&self, uses: &mut Uses) {
///         uses.writes(&self.data);
///     }
///     fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
///         let groups = (self.data.len() as u32).div_ceil(64);
///         cmd.bind(&self.pipeline).push(&self.data.address()).dispatch([groups, 1, 1]);
///         Ok(())
///     }
/// }
/// ```
pub trait System: Send + Sync + 'static {
    /// The name of its pass, in labels, spans and errors.
    fn name(&self) -> &str;
    /// The queue it asks for; where it asks for none, the planner chooses.
    fn queue(&self) -> Option<QueueKind> {
        None
    }
    /// Says what it touches.
    fn declare(&self, uses: &mut Uses);
    /// Records its commands; called once for each graph it was added to, on any thread.
    ///
    /// # Errors
    ///
    /// Whatever makes recording impossible: it fails the graph, and comes out of its `submit` with this system's name.
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()>;
}

/// One system, or a tuple of up to four of them, added in order.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a system that can be added by itself",
    label = "no system of its own",
    note = "what has CPU data, or finds its resources in a registry, is added with `add_from(&registry, ..)`, or in a schedule with `run`"
)]
pub trait Systems {
    /// Adds them to `graph`.
    fn add_to(self, graph: &Graph);
}

#[diagnostic::do_not_recommend]
impl<S: System> Systems for S {
    fn add_to(self, graph: &Graph) {
        let mut pass = graph.pass(self.name());
        if let Some(queue) = self.queue() {
            pass = pass.queue(queue);
        }
        self.declare(pass.uses());
        pass.record(move |cmd| self.record(cmd));
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Systems),+> Systems for ($($name,)+) {
            #[allow(non_snake_case, reason = "the type parameters' names serve as variables")]
            fn add_to(self, graph: &Graph) {
                let ($($name,)+) = self;
                $($name.add_to(graph);)+
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
