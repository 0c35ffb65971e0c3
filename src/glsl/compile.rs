//! One GLSL file to SPIR-V for Vulkan 1.3.

use std::path::{Path, PathBuf};

use glslang::{
    Compiler, CompilerOptions, Shader, ShaderInput, ShaderMessage, ShaderSource, ShaderStage, SourceLanguage,
    SpirvVersion, Target, VulkanVersion,
};

use super::{
    files::{Files, Includes},
    messages::located,
};
use crate::{
    error::{Error, Result},
    gpu::Gpu,
};

/// A compiled shader.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compiled {
    /// SPIR-V 1.6 with an entry point `main`, for [`Gpu::compute_pipeline`] and its like.
    pub spirv: Vec<u8>,
    /// The file, and those that it includes, however deep.
    pub files: Vec<PathBuf>,
}

/// Compiles a GLSL file, on the calling thread: some milliseconds. [`Gpu::compile_glsl`] does it elsewhere.
///
/// # Errors
///
/// [`Error::Shader`] with a line for each message of the compiler: `shaders/sky.frag:12: ` and what is wrong there. That
/// a file cannot be read is one of them.
pub fn compile(path: impl AsRef<Path>) -> Result<Compiled> {
    compiled(path.as_ref(), Files::here())
}

/// As [`compile`], with the text of a file that need not exist. Its name tells the stage, and where includes are looked for.
///
/// ```
/// let text = "#version 460\nlayout(local_size_x = 64) in;\nvoid main() {}";
/// let spirv = vulkio::glsl::compile_text("nothing.comp", text)?.spirv;
/// assert_eq!(&spirv[..4], [3, 2, 0x23, 7]);
/// # Ok::<_, vulkio::Error>(())
/// ```
///
/// # Errors
///
/// As [`compile`].
pub fn compile_text(name: impl AsRef<Path>, text: &str) -> Result<Compiled> {
    let mut files = Files::here();
    files.put(name.as_ref(), text);
    compiled(name.as_ref(), files)
}

fn compiled(path: &Path, mut files: Files) -> Result<Compiled> {
    let spirv = translate(path, &mut files)?;
    Ok(Compiled { spirv, files: files.found() })
}

/// Compiles a file that is read through `files`, which then knows all that it depends on.
pub(super) fn translate(path: &Path, files: &mut Files) -> Result<Vec<u8>> {
    let shown = path.display().to_string();
    let fail = |reason: String| Error::Shader { name: shown.clone(), reason };
    let stage = stage(path)
        .ok_or_else(|| fail("the name tells no stage; shaders are called .comp, .vert or .frag".to_owned()))?;
    let text = files.read(path).map_err(|reason| fail(format!("{shown}: {reason}")))?;
    let source = ShaderSource::from(text);
    let options = CompilerOptions {
        source_language: SourceLanguage::GLSL,
        target: Target::Vulkan { version: VulkanVersion::Vulkan1_3, spirv_version: SpirvVersion::SPIRV1_6 },
        version_profile: None,
        messages: ShaderMessage::DEFAULT | ShaderMessage::VULKAN_RULES | ShaderMessage::SPV_RULES,
    };
    let compiler = Compiler::acquire().ok_or_else(|| fail("glslang could not be started".to_owned()))?;
    let mut includes = Includes { main: path, files };
    let defines: Option<&[(&str, Option<&str>)]> = None;
    let words = ShaderInput::new(&source, stage, &options, defines, Some(&mut includes))
        .and_then(|input| Shader::new(compiler, input).parse())
        .and_then(|shader| shader.compile())
        .map_err(|error| fail(located(&error, &shown)))?;
    Ok(words.into_iter().flat_map(u32::to_ne_bytes).collect())
}

/// The stage that a file's extension names.
fn stage(path: &Path) -> Option<ShaderStage> {
    match path.extension()?.to_str()? {
        "comp" => Some(ShaderStage::Compute),
        "vert" => Some(ShaderStage::Vertex),
        "frag" => Some(ShaderStage::Fragment),
        _ => None,
    }
}

impl Gpu {
    /// Compiles a GLSL file on a helper thread.
    ///
    /// # Errors
    ///
    /// As [`compile`]; [`Error::Closed`].
    ///
    /// # Cancel safety
    ///
    /// Dropped, the shader is compiled for nobody.
    pub async fn compile_glsl(&self, path: impl AsRef<Path>) -> Result<Compiled> {
        let path = path.as_ref().to_owned();
        self.shared.helpers.run("compiling a shader", move || compile(path)).await?
    }
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;

    #[test]
    fn files_that_include_themselves_are_an_error_that_says_so() {
        let folder = env::temp_dir().join(format!("vulkio-includes-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("a.glsl"), "#include \"b.glsl\"\n").expect("written");
        fs::write(folder.join("b.glsl"), "#include \"a.glsl\"\n").expect("written");
        let text =
            "#version 460\n#extension GL_GOOGLE_include_directive : require\n#include \"a.glsl\"\nvoid main() {}";
        fs::write(folder.join("main.comp"), text).expect("written");
        let error = compile(folder.join("main.comp")).err().map(|error| error.to_string());
        fs::remove_dir_all(&folder).expect("removed");
        let error = error.expect("it cannot be compiled");
        assert!(error.contains("more than 64 deep"), "{error}");
    }
}
