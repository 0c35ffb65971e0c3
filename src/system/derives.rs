//! The derives, and what there is to say of them.

/// Gives data that lives in GPU buffers its role: what it is for, and so how systems touch a buffer of it that do not say
/// otherwise.
///
/// `#[role(..)]` is one of `storage`, `uniform`, `vertex`, `index` and `indirect`; [`Role`](crate::Role) says what follows from each. The
/// data is plain ([`bytemuck::Pod`]), and `#[repr(C)]`, as shaders see it.
///
/// ```
/// use vulkio::{GpuData, Role};
///
/// #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
/// #[repr(C)]
/// #[role(storage)]
/// struct Instance { center: [f32; 3], size: f32 }
///
/// assert_eq!(Instance::ROLE, Role::Storage);
/// ```
///
/// Of vertices it makes [`VertexData`](crate::VertexData), too: a location for each field, in their order, but for fields whose names
/// begin with `_`, which are padding.
///
/// ```
/// use vulkio::{GpuData, VertexData, ash::vk::Format};
///
/// #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable, GpuData)]
/// #[repr(C)]
/// #[role(vertex)]
/// struct Corner {
///     position: [f32; 3], // layout(location = 0) in vec3 position;
///     color: [u8; 4],     // layout(location = 1) in vec4 color;
/// }
///
/// assert_eq!(Corner::ATTRIBUTES, [(Format::R32G32B32_SFLOAT, 0), (Format::R8G8B8A8_UNORM, 12)]);
/// ```
pub use vulkio_derive::GpuData;

/// A schedule: systems in named stages, to be added to a graph with [`Graph::run`](crate::Graph::run).
///
/// Each field is a stage: one system, or a tuple of up to twelve. `#[stage]` names it after its field; `#[stage(name = "..")]`
/// otherwise. `after = ".."`, or `after = ["..", ".."]`, says which stages come before it.
///
/// ```
/// use vulkio::{Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, Run, Schedule, System};
///
/// struct Position(f32);
/// struct Speed(f32);
///
/// #[derive(System)]
/// #[reads(Speed)]
/// #[writes(Position)]
/// struct Move;
///
/// impl Run for Move {
///     async fn run(&self, speed: &Speed, position: &mut Position) -> Result<()> {
///         position.0 += speed.0;
///         Ok(())
///     }
/// }
///
/// #[derive(System)]
/// #[reads(Position, GpuBuffer<u32>)]
/// #[writes(GpuImage<RenderTarget>)]
/// struct Draw;
///
/// impl Record for Draw {
///     fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
/// #       let _ = cmd;
///         Ok(()) // ..
///     }
/// }
///
/// #[derive(Schedule)]
/// struct Game {
///     #[stage]
///     simulate: (Move,),
///     #[stage(after = "simulate")]
///     draw: (Draw,),
/// }
///
/// assert_eq!(Game::STAGES[1].after, ["simulate"]);
/// ```
///
/// # What follows from the stages
///
/// `after` says which of the systems that touch the same thing comes first. Systems that share nothing run side by side,
/// whatever their stages: a stage is no barrier.
///
/// Two systems conflict if they touch the same thing and one of them writes it; concurrent writes of both do not conflict.
/// Such systems are in stages of which one comes after the other. Where they find what they touch in a registry and are
/// declared in one module, a schedule that does not say so does not compile:
///
/// ```compile_fail,E0080
/// # use vulkio::{Result, Run, Schedule, System};
/// # struct Position(f32);
/// # #[derive(System)]
/// # #[writes(Position)]
/// # struct Move;
/// # impl Run for Move {
/// #     async fn run(&self, (): (), _: &mut Position) -> Result<()> { Ok(()) }
/// # }
/// # #[derive(System)]
/// # #[writes(Position)]
/// # struct Turn;
/// # impl Run for Turn {
/// #     async fn run(&self, (): (), _: &mut Position) -> Result<()> { Ok(()) }
/// # }
/// #[derive(Schedule)]
/// struct Game {
///     #[stage]
///     simulate: (Move, Turn), // both write `Position`
/// }
/// ```
///
/// All other conflicts are errors of [`Graph::run`](crate::Graph::run) and [`Schedule::hints`](crate::Schedule::hints()).
pub use vulkio_derive::Schedule;

/// A system: what it touches is said once, in its type, and order and barriers follow from that.
///
/// # In fields
///
/// Each field that holds a resource says whether the system reads or writes it:
///
/// ```
/// use vulkio::{DrawArgs, Encoder, GpuBuffer, GpuImage, GraphicsPipeline, Record, RenderTarget, Result, System};
///
/// #[derive(System)]
/// struct DrawScene {
///     #[reads]
///     instances: GpuBuffer<[f32; 4]>,
///     #[reads(indirect)]
///     args: GpuBuffer<DrawArgs>,
///     #[writes(clear = [0.0, 0.0, 0.0, 1.0])]
///     target: GpuImage<RenderTarget>,
///     pipeline: GraphicsPipeline,
/// }
///
/// impl Record for DrawScene {
///     fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
///         cmd.bind(&self.pipeline).push(&self.instances.address()).draw_indirect(&self.args, 0..1);
///         Ok(())
///     }
/// }
/// ```
///
/// Such a system is added to a graph or a frame with [`Graph::add`](crate::Graph::add), or is a member of a schedule. It is a pass, whose calls
/// are those of the pass that one would write by hand.
///
/// Resources are fields of [`GpuBuffer`](crate::GpuBuffer), [`TransientBuffer`](crate::TransientBuffer),
/// [`BufferSlice`](crate::BufferSlice), [`GpuImage`](crate::GpuImage) and [`Subimage`](crate::Subimage); an `Option`, a `Vec` or an array of these; and
/// [`CpuData`](crate::CpuData). A field that is plainly one of them and has no attribute does not compile: `#[ignored]` says that the
/// system does not touch it.
///
/// # Ways
///
/// `#[reads]` and `#[writes]` alone mean what the role says: of a buffer that of its data ([`GpuData`](trait@crate::GpuData), else
/// storage), of an image its own. Other ways are said in parentheses, several in an attribute each:
///
/// | attribute | of | means |
/// | --- | --- | --- |
/// | `reads(storage)`, `writes(storage)` | buffers | by address in the system's shaders |
/// | `reads(uniform)` | buffers | the same, of constants |
/// | `writes(concurrent)` | buffers | by address, beside others that say the same: with atomics, or to parts that do not meet |
/// | `reads(vertex)`, `reads(index)`, `reads(indirect)` | buffers | for [`vertex_buffer`](crate::Encoder::vertex_buffer), [`index_buffer`](crate::Encoder::index_buffer), [`draw_indirect`](crate::Encoder::draw_indirect) and its like |
/// | `reads(copy)`, `writes(copy)` | both | by copies, fills and updates |
/// | `reads(blit)`, `writes(blit)` | images | by blits |
/// | `reads(sampled)` | textures | by samplers in the system's shaders |
/// | `writes(load)` | images | rendered to, over what is there |
/// | `writes(clear = value)` | images | rendered to, after every texel got the value, an expression that may use `self` |
/// | `writes(discard)` | images | rendered to, all of it |
///
/// Of themselves, textures are sampled and written by copies; other images are read by copies and rendered to, over what is
/// there. `#[writes]` covers reading in the same way.
///
/// # From a registry
///
/// A struct without fields names the types of what it touches, which are found in a [`Registry`](crate::Registry) when it is
/// added:
///
/// ```
/// use vulkio::{CpuData, Encoder, GpuBuffer, GpuImage, Record, RenderTarget, Result, System};
///
/// #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
/// #[repr(C)]
/// struct Vertex([f32; 2]);
///
/// struct Camera([f32; 16]);
///
/// #[derive(System)]
/// #[reads(Camera, GpuBuffer<Vertex>, GpuBuffer<f32> as uniform = "weights")]
/// #[writes(GpuImage<RenderTarget> as clear([0.0, 0.0, 0.0, 1.0]))]
/// struct DrawSimple;
///
/// impl Record for DrawSimple {
///     fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
///         let camera = cmd.read(&cmd.found::<CpuData<Camera>>()?)?;
///         let vertices = cmd.found::<GpuBuffer<Vertex>>()?;
///         let weights = cmd.found_named::<GpuBuffer<f32>>("weights")?;
/// #       let _ = (&camera.0, &vertices, &weights);
///         Ok(()) // ..
///     }
/// }
/// ```
///
/// An item is a type, where needed a way after `as`, and of several resources of one type a name after `=`. What is not written
/// as a `GpuBuffer` or a `GpuImage` is data on the CPU, and found as `CpuData` of that type.
///
/// Here, and nowhere else, a buffer's data that has no role of its own gets one by its *name*: one that begins with `Vertex`, `Index`, `Indirect`
/// or `Uniform`. Hints say so wherever it was done. The handles are members of no struct; [`Encoder::found`](crate::Encoder::found) gives them.
///
/// # CPU data
///
/// A system that touches GPU resources records commands: it is [`Record`](crate::Record), and may read [`CpuData`](crate::CpuData) with
/// [`Encoder::read`](crate::Encoder::read), but not write it. One that touches CPU data alone is [`Run`](crate::Run): a job, which gets
/// references to what it reads and to what it writes: nothing, one, or a tuple, in their order.
///
/// ```
/// use vulkio::{CpuData, Result, Run, System};
///
/// #[derive(System)]
/// struct Tally {
///     #[reads]
///     hits: CpuData<Vec<u32>>,
///     #[reads]
///     weights: CpuData<Vec<f32>>,
///     #[writes]
///     score: CpuData<f32>,
/// }
///
/// impl Run for Tally {
///     async fn run(&self, (hits, weights): (&Vec<u32>, &Vec<f32>), score: &mut f32) -> Result<()> {
///         *score = hits.iter().map(|&hit| weights[hit as usize]).sum();
///         Ok(())
///     }
/// }
/// ```
///
/// Systems with CPU data and those without fields are added with [`Graph::add_from`](crate::Graph::add_from), or are members of a
/// schedule.
///
/// # Settings
///
/// `#[system(name = "..")]` names the pass or job otherwise than the struct; `#[system(queue = "..")]` asks for the `graphics`, `compute` or
/// `transfer` queue.
///
/// # What is known of the type
///
/// Each derived system implements [`ResourceAccess`](crate::ResourceAccess) and
/// [`GpuResourceAccess`](crate::GpuResourceAccess), which says the barriers that it needs in words:
///
/// ```
/// # use vulkio::{Encoder, GpuBuffer, Record, Result};
/// use vulkio::{GpuResourceAccess, Mode, System};
///
/// #[derive(System)]
/// struct Clear {
///     #[writes(copy)]
///     counts: GpuBuffer<u32>,
/// }
/// # impl Record for Clear {
/// #     fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
/// #         cmd.fill(&self.counts, 0..self.counts.len(), 0);
/// #         Ok(())
/// #     }
/// # }
///
/// assert_eq!(Clear::GPU_WRITES[0].access.mode, Mode::Write);
/// println!("{}", Clear::barrier_requirements());
/// ```
pub use vulkio_derive::System;
