//! What the tests of checks share: small shaders, and passes that declare right and wrong.
#![allow(dead_code, reason = "each test uses a part of it")]

use vulkio::{ComputePipeline, DispatchArgs, Encoder, Gpu, GpuBuffer, Graph, Pass, glsl::compile_text};

use crate::common::soon;

/// What all shaders begin with: buffers of words, and structures of addresses of such.
const HEAD: &str = "
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_buffer_reference2 : require
#extension GL_EXT_buffer_reference_uvec2 : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_KHR_shader_subgroup_ballot : require
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Word { uint it; };
layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Constants { uint at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Wide { uint64_t at[]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Inner { Words words; uint n; Words others[2]; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Outer { uvec2 unused; Inner inner; };
struct Object { uint kind; uint more; Words words; };
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Objects { Object at[]; };
";

/// The SPIR-V of a compute shader.
pub(crate) fn compute(text: &str) -> Vec<u8> {
    let text = format!("{HEAD}layout(local_size_x = 1) in;\n{text}");
    compile_text("checked.comp", text.trim_start()).unwrap_or_else(|error| panic!("{error}\n{text}")).spirv
}

/// The SPIR-V of a shader of another stage.
pub(crate) fn shader(stage: &str, text: &str) -> Vec<u8> {
    let text = format!("{HEAD}{text}");
    let name = format!("checked.{stage}");
    compile_text(name, text.trim_start()).unwrap_or_else(|error| panic!("{error}\n{text}")).spirv
}

/// A compute shader with three addresses of words and a number in its push constants.
pub(crate) fn plain(main: &str) -> Vec<u8> {
    let push = "layout(push_constant, scalar) uniform Push { Words a; Words b; Words c; uint n; } push;";
    compute(&format!("{push}\nvoid main() {{ {main} }}"))
}

/// One way of declaring a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Reads,
    Writes,
    Concurrently,
    CopySource,
    CopyTarget,
    Indirect,
    Index,
    Half,
}

/// Buffers, by number, and how a pass declares them.
pub(crate) type Ways = &'static [(usize, Way)];

/// Three buffers of words, called `first`, `second` and `third`; and one of arguments, `args`, that says one workgroup.
pub(crate) struct Kit {
    pub(crate) gpu: Gpu,
    pub(crate) words: [GpuBuffer<u32>; 3],
    pub(crate) args: GpuBuffer<DispatchArgs>,
}

impl Kit {
    pub(crate) async fn new(gpu: &Gpu) -> Self {
        let buffer = |name| gpu.buffer::<u32>(name, 64).expect("a buffer");
        let words = ["first", "second", "third"].map(buffer);
        let args = gpu.buffer("args", 1).expect("a buffer");
        for buffer in &words {
            soon("an upload", gpu.upload(buffer, 0, vec![1_u32; 64])).await.expect("uploaded");
        }
        soon("an upload", gpu.upload(&args, 0, vec![DispatchArgs { groups: [1; 3] }])).await.expect("uploaded");
        Self { gpu: gpu.clone(), words, args }
    }

    pub(crate) async fn pipeline(&self, name: &str, spirv: &[u8]) -> ComputePipeline {
        soon("a pipeline", self.gpu.compute_pipeline(name, spirv)).await.expect("a pipeline")
    }

    pub(crate) fn addresses(&self) -> [u64; 3] {
        self.words.each_ref().map(GpuBuffer::address)
    }

    pub(crate) fn declare<'g>(&self, mut pass: Pass<'g>, ways: &[(usize, Way)]) -> Pass<'g> {
        for &(buffer, way) in ways {
            let buffer = &self.words[buffer];
            pass = match way {
                Way::Reads => pass.reads(buffer),
                Way::Writes => pass.writes(buffer),
                Way::Concurrently => pass.writes_concurrently(buffer),
                Way::CopySource => pass.reads(buffer.copy_source()),
                Way::CopyTarget => pass.writes(buffer.copy_target()),
                Way::Indirect => pass.reads(buffer.indirect()),
                Way::Index => pass.reads(buffer.index()),
                Way::Half => pass.writes(buffer.slice(0..32)),
            };
        }
        pass
    }

    /// Records a pass `checked` that declares this: nothing, or what is said of it.
    pub(crate) async fn runs(
        &self,
        ways: &[(usize, Way)],
        record: impl FnOnce(&mut Encoder<'_>) + Send + 'static,
    ) -> Result<(), String> {
        let graph = Graph::new(&self.gpu, "graph");
        self.declare(graph.pass("checked"), ways).keep().record(record);
        match soon("a submit", graph.submit()).await {
            Ok(done) => {
                soon("a graph", done).await.expect("complete");
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }
}
