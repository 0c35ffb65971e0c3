//! SPIR-V, checked as far as a header goes.

use std::{io::Cursor, sync::Arc};

use ash::vk;

use super::layout::TEXTURE_SET;
use crate::{
    error::{During, Error, Result},
    gpu::device::Device,
};

/// The words of a shader. Compared in full, so that two shaders never share a pipeline by their hash.
pub(crate) type Words = Arc<[u32]>;

/// Reads SPIR-V bytes, of either byte order.
pub(crate) fn words(name: &str, spirv: &[u8]) -> Result<Words> {
    let refuse = |reason: String| Error::Shader { name: name.to_owned(), reason };
    if spirv.len() < 20 {
        return Err(refuse(format!("{} bytes are no SPIR-V; compile it with `glslangValidator -V`", spirv.len())));
    }
    let words = ash::util::read_spv(&mut Cursor::new(spirv)).map_err(|error| {
        refuse(format!("not SPIR-V ({error}); GLSL must be compiled first, with `glslangValidator -V` for example"))
    })?;
    match words.first() {
        Some(0x0723_0203) => Ok(words.into()),
        _ => Err(refuse("no SPIR-V magic number; GLSL must be compiled first, with `glslangValidator -V`".into())),
    }
}

/// Whether a shader has a variable in the set of textures.
pub(crate) fn samples(words: &[u32]) -> bool {
    const HEADER: usize = 5;
    const OP_DECORATE: u32 = 71;
    const DESCRIPTOR_SET: u32 = 34;
    let mut rest = words.get(HEADER..).unwrap_or_default();
    while let Some(&first) = rest.first() {
        let (len, op) = ((first >> 16) as usize, first & 0xFFFF);
        if op == OP_DECORATE && rest.get(2..4) == Some(&[DESCRIPTOR_SET, TEXTURE_SET]) {
            return true;
        }
        rest = rest.get(len.max(1)..).unwrap_or_default();
    }
    false
}

/// A shader module for as long as pipelines are made from it.
pub(crate) struct ShaderModule<'d> {
    device: &'d Device,
    pub(crate) raw: vk::ShaderModule,
}

impl<'d> ShaderModule<'d> {
    pub(crate) fn new(device: &'d Device, words: &[u32]) -> Result<Self> {
        let info = vk::ShaderModuleCreateInfo::default().code(words);
        // SAFETY: the words begin with SPIR-V's header; validity beyond that is the shader author's duty, as the
        // constructors of pipelines say.
        let raw = unsafe { device.raw.create_shader_module(&info, None) }.during("vkCreateShaderModule")?;
        Ok(Self { device, raw })
    }

    pub(crate) fn stage<'s>(
        &self,
        stage: vk::ShaderStageFlags,
        constants: &'s vk::SpecializationInfo<'_>,
    ) -> vk::PipelineShaderStageCreateInfo<'s> {
        vk::PipelineShaderStageCreateInfo::default()
            .stage(stage)
            .module(self.raw)
            .name(c"main")
            .specialization_info(constants)
    }
}

impl Drop for ShaderModule<'_> {
    fn drop(&mut self) {
        // SAFETY: "a shader module can be destroyed while pipelines created using its shaders are still in use".
        unsafe { self.device.raw.destroy_shader_module(self.raw, None) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shader_that_samples_is_known_by_the_set_of_its_variables() {
        let decorate = |kind, value| [4 << 16 | 71, 9, kind, value];
        let of = |parts: &[[u32; 4]]| [&[0x0723_0203, 0, 0, 0, 0][..], &parts.concat()].concat();
        assert!(samples(&of(&[decorate(34, 0), decorate(33, 0), decorate(34, 1)])));
        assert!(!samples(&of(&[decorate(34, 0), decorate(33, 1)])));
        assert!(!samples(&[0x0723_0203]) && !samples(&of(&[[0, 0, 0, 4 << 16 | 71]])), "cut off");
    }

    #[test]
    fn what_is_no_spirv_is_refused_with_advice() {
        for bytes in [&b""[..], b"#version 460\nvoid main() {}\n", &[0; 21]] {
            let error = words("x", bytes).expect_err("no SPIR-V").to_string();
            assert!(error.contains("`x`") && error.contains("glslangValidator"), "{error}");
        }
    }
}
