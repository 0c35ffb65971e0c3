//! `./x shaders`: compiles `shaders/*.{comp,vert,frag}` to `shaders/spv/NAME.spv`, and says what changed.
//!
//! `--check` writes nothing and fails, naming each file that is stale, missing or left over. Only the sources, the
//! include files and the glslang version of `Cargo.lock` decide the bytes: no paths, names or times go in.

mod compile;
mod spirv;
mod tree;

use std::{path::PathBuf, process::ExitCode};

use tree::{Finding, Tree};

const USAGE: &str =
    "usage: vulkio-shaders [--check] [DIR]    (DIR: the folder with the sources, default: the repository's shaders/)";

fn main() -> ExitCode {
    let mut check = false;
    let mut dir = None;
    for argument in std::env::args_os().skip(1) {
        match argument.to_str() {
            Some("--check") => check = true,
            Some("--help" | "-h") => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            Some(option) if option.starts_with('-') => {
                eprintln!("unknown option `{option}`\n{USAGE}");
                return ExitCode::from(2);
            }
            _ if dir.is_none() => dir = Some(PathBuf::from(argument)),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    let tree = Tree::new(dir.unwrap_or_else(repository_shaders));
    match run(&tree, check) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The repository this tool was built from.
fn repository_shaders() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    path.canonicalize().unwrap_or(path)
}

fn run(tree: &Tree, check: bool) -> Result<(), String> {
    let findings = tree.compare()?;
    if check {
        return match complaint(&findings) {
            Some(complaint) => Err(complaint),
            None => Ok(()),
        };
    }
    for finding in &findings {
        tree.mend(finding)?;
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("every compiled shader is fresh");
    }
    Ok(())
}

/// What `--check` and the test say when the compiled files do not match their sources.
fn complaint(findings: &[Finding]) -> Option<String> {
    if findings.is_empty() {
        return None;
    }
    let mut text = String::from("compiled shaders do not match their sources; `./x shaders` mends this:");
    for finding in findings {
        text.push_str("\n  ");
        text.push_str(&finding.problem());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_checked_in_shader_is_what_its_source_compiles_to() {
        let findings = Tree::new(repository_shaders()).compare().expect("the shaders compile");
        if let Some(complaint) = complaint(&findings) {
            panic!("{complaint}");
        }
    }
}
