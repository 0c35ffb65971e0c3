//! What kernels take for push constants and constants, of shaders compiled here: each way in which a number can lie in a block.

#![cfg(feature = "glsl")]

mod common;

use bytemuck::{Pod, Zeroable};
use common::{close, open, strict};
use vulkio::{Error, Gpu, GpuData, KernelOptions, glsl::compile_text};

/// A shader with this block, which writes what `says` computes to the address in its first eight bytes.
fn shader(block: &str, says: &str) -> Vec<u8> {
    let text = format!(
        "#version 460
         #extension GL_EXT_buffer_reference : require
         #extension GL_EXT_buffer_reference_uvec2 : require
         #extension GL_EXT_scalar_block_layout : require
         #extension GL_EXT_shader_explicit_arithmetic_types : require
         layout(local_size_x_id = 7) in;
         layout(local_size_x = 1) in;
         layout(constant_id = 0) const uint COUNT = 2;
         layout(constant_id = 1) const uint WHICH = 0;
         layout(constant_id = 2) const bool NEGATED = false;
         layout(constant_id = 3) const double WIDE = 1.0;
         layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Out {{ float at[]; }};
         struct Inner {{ vec2 a; uint b; }};
         layout(push_constant, scalar) uniform Push {{ {block} }} push;
         void main() {{ {says} }}"
    );
    compile_text("layout.comp", &text).expect("GLSL").spirv
}

macro_rules! data {
    ($name:ident { $($field:ident: $type:ty),+ }) => {
        #[derive(Clone, Copy, Debug, Zeroable, Pod, GpuData)]
        #[role(storage)]
        #[repr(C)]
        struct $name { $($field: $type),+ }
    };
}

data!(Matrix { out: u64, matrix: [[f32; 4]; 4] });
data!(Matrices { out: u64, matrices: [[[f32; 2]; 2]; 2] });
data!(Rows { out: u64, rows: [[f32; 4]; 3] });
data!(Nested { out: u64, inner: [Both; 2], last: [f32; 4] });
data!(Both { a: [f32; 2], b: u32 });
data!(Words { out: [u32; 2], scale: f32 });
data!(Halves { out: u64, small: u16, _rest: [u16; 3] });
data!(Numbers { out: u64, numbers: [f32; 4] });
data!(Addresses { out: u64, others: [u64; 2] });
data!(Nothing { out: u64 });

/// Runs one invocation, and gives what it wrote.
async fn said<P: GpuData>(gpu: &Gpu, spirv: &[u8], options: &KernelOptions, push: impl Fn(u64) -> P) -> f32 {
    let out = gpu.buffer::<f32>("out", 1).expect("memory");
    let kernel = gpu.kernel_with::<P>("layout", spirv, options).await.expect("what the shader expects");
    kernel.dispatch(&push(out.address()), [1, 1, 1]).writes(&out).await.expect("done");
    gpu.read(&out, 0..1).await.expect("read")[0]
}

async fn refused<P: GpuData>(gpu: &Gpu, spirv: &[u8], options: &KernelOptions) -> String {
    match gpu.kernel_with::<P>("layout", spirv, options).await {
        Err(Error::Shader { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn numbers_of_every_shape_arrive_where_the_shader_looks_for_them() {
    let gpu = open(strict().checks(true));
    let plain = KernelOptions::default();
    let spirv = shader("Out o; mat4 m;", "push.o.at[0] = push.m[2][1];");
    let matrix = std::array::from_fn(|column| std::array::from_fn(|row| (4 * column + row) as f32));
    assert_eq!(said(&gpu, &spirv, &plain, |out| Matrix { out, matrix }).await, 9.0);
    let spirv = shader("Out o; mat2 m[2];", "push.o.at[0] = push.m[1][0][1];");
    let matrices = [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]];
    assert_eq!(said(&gpu, &spirv, &plain, |out| Matrices { out, matrices }).await, 5.0);
    let spirv = shader("Out o; layout(row_major) mat4x3 m;", "push.o.at[0] = push.m[3][1];");
    let rows = [[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 10.0, 11.0]];
    assert_eq!(said(&gpu, &spirv, &plain, |out| Rows { out, rows }).await, 7.0);
    let spirv = shader("Out o; Inner i[2]; vec3 last;", "push.o.at[0] = push.i[1].a.y + push.i[0].b + push.last.z;");
    let inner = [Both { a: [1.0, 2.0], b: 30 }, Both { a: [4.0, 500.0], b: 6 }];
    let nested = |out| Nested { out, inner, last: [0.0, 0.0, 7000.0, 0.0] };
    assert_eq!(said(&gpu, &spirv, &plain, nested).await, 7530.0);
    close(gpu).await;
}

#[tokio::test]
async fn an_address_may_be_two_words_on_either_side() {
    let gpu = open(strict());
    let plain = KernelOptions::default();
    let spirv = shader("uvec2 o; float s;", "Out(push.o).at[0] = push.s;");
    let split = |out: u64| Words { out: [out as u32, (out >> 32) as u32], scale: 5.0 };
    assert_eq!(said(&gpu, &spirv, &plain, split).await, 5.0);
    let whole = shader("uvec2 o;", "Out(push.o).at[0] = 3.0;");
    assert_eq!(said(&gpu, &whole, &plain, |out| Nothing { out }).await, 3.0);
    let spirv = shader("Out o; float s;", "push.o.at[0] = push.s;");
    assert_eq!(said(&gpu, &spirv, &plain, split).await, 5.0);
    close(gpu).await;
}

#[tokio::test]
async fn constants_that_are_set_count_for_sizes_for_arrays_and_for_checks() {
    let gpu = open(strict().checks(true));
    let spirv = shader("Out o; float n[COUNT];", "push.o.at[0] = push.n[COUNT - 1] * float(gl_WorkGroupSize.x);");
    let three = KernelOptions::default().constant(0, 3).constant(7, 4);
    let numbers = |out| Numbers { out, numbers: [1.0, 2.0, 3.0, 4.0] };
    assert_eq!(said(&gpu, &spirv, &KernelOptions::default(), numbers).await, 2.0);
    assert_eq!(said(&gpu, &spirv, &three, numbers).await, 12.0);
    let kernel = gpu.kernel_with::<Numbers>("layout", &spirv, &three).await.expect("a kernel");
    assert_eq!(kernel.local_size(), [4, 1, 1]);
    let five = KernelOptions::default().constant(0, 5);
    let told = refused::<Numbers>(&gpu, &spirv, &five).await;
    assert!(told.contains("the 32-bit float `n[4]` at byte 24, and there are 24 bytes"), "{told}");
    let spirv = shader("Out o[3];", "push.o[WHICH].at[0] = NEGATED ? -1.0 : 1.0;");
    let second = KernelOptions::default().constant(1, 1).constant(2, 1);
    let (out, unused) = (gpu.buffer::<f32>("out", 1).expect("memory"), gpu.buffer::<f32>("unused", 1).expect("memory"));
    let kernel = gpu.kernel_with::<Addresses>("layout", &spirv, &second).await.expect("a kernel");
    let push = Addresses { out: unused.address(), others: [out.address(), 0] };
    kernel.dispatch(&push, [1, 1, 1]).writes(&out).await.expect("it writes the second, as the constant says");
    assert_eq!(gpu.read(&out, 0..1).await.expect("read")[0], -1.0);
    let error = kernel.dispatch(&push, [1, 1, 1]).writes(&unused).await.expect_err("not the first").to_string();
    assert!(error.contains("`out`"), "{error}");
    drop((out, unused, kernel));
    close(gpu).await;
}

#[tokio::test]
async fn what_does_not_fit_is_told_with_the_names_of_both_sides() {
    let gpu = open(strict());
    let plain = KernelOptions::default();
    let spirv = shader("Out o; mat4 m;", "push.o.at[0] = push.m[0][0];");
    let told = refused::<Nested>(&gpu, &spirv, &plain).await;
    assert!(
        told.contains("Nested") && told.contains("where there is the 32-bit integer `inner[0].b` at byte 16"),
        "{told}"
    );
    let spirv = shader("Out o; float16_t s;", "push.o.at[0] = float(push.s);");
    if gpu.info().features.shader_float16 {
        let told = refused::<Halves>(&gpu, &spirv, &plain).await;
        assert!(told.contains("the 16-bit float `s` at byte 8, where there is the 16-bit integer `small`"), "{told}");
    }
    if gpu.info().features.shader_float64 {
        let spirv = shader("Out o;", "push.o.at[0] = float(WIDE);");
        let told = refused::<Nothing>(&gpu, &spirv, &KernelOptions::default().constant(3, 0)).await;
        assert!(told.contains("constant 3 has 8 bytes"), "{told}");
    }
    close(gpu).await;
}

#[tokio::test]
async fn two_names_of_one_shader_are_two_names() {
    let gpu = open(strict());
    let spirv = shader("Out o;", "push.o.at[0] = 1.0;");
    let kernel = async |name| gpu.kernel::<Nothing>(name, &spirv).await.expect("a kernel");
    let (one, other) = (kernel("one").await, kernel("other").await);
    assert_eq!(gpu.counters().pipelines, 1);
    for (kernel, name) in [(one, "one"), (other, "other")] {
        let error = kernel
            .dispatch(&Nothing { out: 0 }, [1, 1, 1])
            .reads(gpu.buffer::<f32>("x", 1).expect("memory").indirect());
        assert!(error.await.expect_err("no way of a shader").to_string().contains(&format!("`{name}`")));
    }
    close(gpu).await;
}
