//! One GLSL file to SPIR-V for Vulkan 1.3.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use glslang::{
    Compiler, CompilerOptions, Shader, ShaderInput, ShaderMessage, ShaderSource, ShaderStage, SourceLanguage,
    SpirvVersion, Target, VulkanVersion,
    error::GlslangError,
    include::{IncludeHandler, IncludeResult, IncludeType},
};

use crate::spirv;

/// The stage that a file's extension names.
pub(crate) fn stage(path: &Path) -> Option<ShaderStage> {
    match path.extension()?.to_str()? {
        "comp" => Some(ShaderStage::Compute),
        "vert" => Some(ShaderStage::Vertex),
        "frag" => Some(ShaderStage::Fragment),
        _ => None,
    }
}

/// Compiles `root/name`. The error is one `file:line: message` a line, files relative to `root`'s parent.
pub(crate) fn compile(root: &Path, name: &str, stage: ShaderStage) -> Result<Vec<u8>, String> {
    let shown = shown(root, Path::new(name));
    let path = root.join(name);
    let text = fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))?;
    if text.contains('\0') {
        return Err(format!("{shown}: contains a NUL byte"));
    }
    let source = ShaderSource::from(text);
    let options = CompilerOptions {
        source_language: SourceLanguage::GLSL,
        target: Target::Vulkan { version: VulkanVersion::Vulkan1_3, spirv_version: SpirvVersion::SPIRV1_6 },
        version_profile: None,
        messages: ShaderMessage::DEFAULT | ShaderMessage::VULKAN_RULES | ShaderMessage::SPV_RULES,
    };
    let compiler = Compiler::acquire().ok_or("glslang could not be started")?;
    let mut includes = Includes { root };
    let defines: Option<&[(&str, Option<&str>)]> = None;
    let words = ShaderInput::new(&source, stage, &options, defines, Some(&mut includes))
        .and_then(|input| Shader::new(compiler, input).parse())
        .and_then(|shader| shader.compile())
        .map_err(|error| located(&error, &shown))?;
    spirv::stripped(&words).map_err(|reason| format!("{shown}: {reason}"))
}

/// Finds `#include`s beside the file that includes, then beside the shaders; never outside the folder.
struct Includes<'a> {
    root: &'a Path,
}

impl IncludeHandler for Includes<'_> {
    fn include(&mut self, _: IncludeType, header: &str, includer: &str, _: usize) -> Option<IncludeResult> {
        // An include file is named by its shown path, so that error messages point at it.
        let beside = Path::new(includer).strip_prefix(self.root.file_name()?).ok().and_then(Path::parent);
        [beside, Some(Path::new(""))].into_iter().flatten().find_map(|folder| {
            let relative = inside(&folder.join(header))?;
            let data = fs::read_to_string(self.root.join(&relative)).ok().filter(|text| !text.contains('\0'))?;
            Some(IncludeResult { name: shown(self.root, &relative), data })
        })
    }
}

/// The path without `.` and `..`; `None` if it leaves its folder.
fn inside(path: &Path) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    Some(clean)
}

/// `shaders/include/light.glsl`: what messages call a file.
fn shown(root: &Path, relative: &Path) -> String {
    let folder = root.file_name().map(PathBuf::from).unwrap_or_default();
    folder.join(relative).to_string_lossy().replace('\\', "/")
}

/// glslang's log as `file:line: message`. It calls the main file `0`.
fn located(error: &GlslangError, shown: &str) -> String {
    let log = match error {
        GlslangError::PreprocessError(log)
        | GlslangError::ParseError(log)
        | GlslangError::MapIoError(log)
        | GlslangError::LinkError(log) => &log.log,
        other => return format!("{shown}: {other}"),
    };
    let lines: Vec<String> = log.lines().filter_map(|line| located_line(line, shown)).collect();
    if lines.is_empty() { format!("{shown}: {}", log.trim()) } else { lines.join("\n") }
}

fn located_line(line: &str, shown: &str) -> Option<String> {
    let message = line.strip_prefix("ERROR: ")?;
    if let Some(rest) = message.strip_prefix("0:") {
        return Some(format!("{shown}:{rest}"));
    }
    // `3 compilation errors.  No code generated.` says nothing that the lines before did not.
    let placed = message.split(':').nth(1).is_some_and(|number| number.trim().parse::<u32>().is_ok());
    placed.then(|| message.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempdir::Folder {
        let folder = tempdir::Folder::new();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        folder
    }

    const HEAD: &str = "#version 460\n#extension GL_GOOGLE_include_directive : require\nlayout(local_size_x = 1) in;\n";

    #[test]
    fn an_include_is_found_beside_its_includer_and_beside_the_shaders() {
        let main = format!("{HEAD}#include \"parts/a.glsl\"\nvoid main() {{ a(); }}\n");
        let files = [
            ("x.comp", main.as_str()),
            ("parts/a.glsl", "#include \"b.glsl\"\n#include \"top.glsl\"\nvoid a() { b(); top(); }\n"),
            ("parts/b.glsl", "void b() {}\n"),
            ("top.glsl", "void top() {}\n"),
        ];
        let folder = folder(&files);
        compile(folder.path(), "x.comp", ShaderStage::Compute).expect("it compiles");
    }

    #[test]
    fn an_error_names_its_file_and_line_in_an_include_too() {
        let main = format!("{HEAD}#include \"a.glsl\"\nvoid main() {{ wrong; }}\n");
        let folder = folder(&[("x.comp", &main), ("a.glsl", "\nfloat f = alsowrong;\n")]);
        let error = compile(folder.path(), "x.comp", ShaderStage::Compute).expect_err("it does not compile");
        let shown = folder.path().file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        assert!(error.contains(&format!("{shown}/a.glsl:2: ")), "{error}");

        let main = format!("{HEAD}void main() {{ wrong; }}\n");
        fs::write(folder.path().join("x.comp"), main).expect("a file");
        let error = compile(folder.path(), "x.comp", ShaderStage::Compute).expect_err("it does not compile");
        assert!(error.starts_with(&format!("{shown}/x.comp:4: ")), "{error}");
    }

    #[test]
    fn a_missing_include_and_one_outside_the_folder_are_errors() {
        for include in ["none.glsl", "../outside.glsl", "/etc/hostname"] {
            let main = format!("{HEAD}#include \"{include}\"\nvoid main() {{}}\n");
            let folder = folder(&[("x.comp", &main)]);
            let error = compile(folder.path(), "x.comp", ShaderStage::Compute).expect_err("it does not compile");
            assert!(error.contains("x.comp:4: ") && error.contains(include), "{error}");
        }
    }

    #[test]
    fn the_same_source_in_another_folder_gives_the_same_bytes() {
        let main = format!("{HEAD}#include \"a.glsl\"\nvoid main() {{ a(); }}\n");
        let compiled = || {
            let folder = folder(&[("x.comp", &main), ("a.glsl", "void a() {}\n")]);
            compile(folder.path(), "x.comp", ShaderStage::Compute).expect("it compiles")
        };
        assert_eq!(compiled(), compiled());
    }

    /// A folder that goes away with its test.
    pub(crate) mod tempdir {
        use std::{
            fs,
            path::{Path, PathBuf},
            sync::atomic::{AtomicU32, Ordering::Relaxed},
        };

        pub(crate) struct Folder(PathBuf);

        impl Folder {
            pub(crate) fn new() -> Self {
                static NEXT: AtomicU32 = AtomicU32::new(0);
                let name = format!("vulkio-shaders-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
                let path = std::env::temp_dir().join(name);
                fs::create_dir_all(&path).expect("a temporary folder");
                Self(path)
            }

            pub(crate) fn path(&self) -> &Path {
                &self.0
            }
        }

        impl Drop for Folder {
            fn drop(&mut self) {
                let _ = fs::remove_dir_all(&self.0);
            }
        }
    }
}
