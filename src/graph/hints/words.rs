//! Accesses in words, and barriers as Rust.

use std::fmt::Debug;

use ash::vk;
use vk::{AccessFlags2 as A, ImageLayout, PipelineStageFlags2 as S};

use crate::{
    graph::{
        ir::Region,
        state::{Dependency, Scope},
    },
    resource::{Access, Mode},
};

/// How something is touched: "written by copies".
pub(crate) fn touched(access: &Access) -> String {
    let Access { stages, mask, layout, mode } = *access;
    let copies = if stages == S::BLIT { "blits" } else { "copies" };
    let shaders = shaders(stages);
    let among = |masks: A, who: &str| mask.intersects(masks).then(|| who.to_owned());
    let stored = mask.contains(A::SHADER_STORAGE_WRITE);
    let writers = [among(A::TRANSFER_WRITE, copies), among(A::SHADER_STORAGE_WRITE, &shaders)];
    let readers = [
        among(A::TRANSFER_READ, copies),
        among(A::SHADER_STORAGE_READ, &shaders).filter(|_| !stored),
        among(A::HOST_READ, "the host"),
    ];
    let purposes = [
        among(A::VERTEX_ATTRIBUTE_READ, "vertices"),
        among(A::INDEX_READ, "indices"),
        among(A::INDIRECT_COMMAND_READ, "arguments of commands"),
    ];
    let rendered = if layout == ImageLayout::DEPTH_ATTACHMENT_OPTIMAL { "rendered to as depth" } else { "rendered to" };
    let written = if mode == Mode::ConcurrentWrite { "written concurrently by" } else { "written by" };
    let phrase = |verb: &str, all: &[Option<String>]| {
        let all: Vec<_> = all.iter().flatten().cloned().collect();
        (!all.is_empty()).then(|| format!("{verb} {}", list(&all)))
    };
    let ways = [
        phrase(written, &writers),
        phrase("read by", &readers),
        phrase("sampled by", &[among(A::SHADER_SAMPLED_READ, &shaders)]),
        phrase("read as", &purposes),
        phrase("read as constants by", &[among(A::UNIFORM_READ, &shaders)]),
        among(COLOR | DEPTH, rendered),
    ];
    let ways: Vec<_> = ways.into_iter().flatten().collect();
    match ways.is_empty() {
        true if layout == ImageLayout::PRESENT_SRC_KHR => "presented".into(),
        true => "touched".into(),
        false => list(&ways),
    }
}

const COLOR: A = A::from_raw(A::COLOR_ATTACHMENT_READ.as_raw() | A::COLOR_ATTACHMENT_WRITE.as_raw());
const DEPTH: A = A::from_raw(A::DEPTH_STENCIL_ATTACHMENT_READ.as_raw() | A::DEPTH_STENCIL_ATTACHMENT_WRITE.as_raw());

fn shaders(stages: S) -> String {
    let known = [(S::COMPUTE_SHADER, "compute"), (S::VERTEX_SHADER, "vertex"), (S::FRAGMENT_SHADER, "fragment")];
    let known = known.iter().filter(|(stage, _)| stages.contains(*stage));
    let named: Vec<_> = known.map(|(_, name)| (*name).to_owned()).collect();
    if named.is_empty() { "shaders".into() } else { format!("{} shaders", list(&named)) }
}

/// "ALL_TRANSFER TRANSFER_WRITE".
pub(crate) fn scope(scope: &Scope) -> String {
    format!("{} {}", flags(&scope.stages, scope.stages.is_empty()), flags(&scope.mask, scope.mask.is_empty()))
}

fn flags(flags: &impl Debug, empty: bool) -> String {
    if empty { "NONE".into() } else { format!("{flags:?}") }
}

/// "ALL_TRANSFER TRANSFER_WRITE -> INDEX_INPUT INDEX_READ".
pub(crate) fn dependency(dependency: &Dependency) -> String {
    format!("{} -> {}", scope(&dependency.source), scope(&dependency.target))
}

/// "`a`, `b` and `c`".
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Flags of a type as Rust: `vk::AccessFlags2::A | vk::AccessFlags2::B`.
pub(crate) fn rust_flags(kind: &str, said: &impl Debug, empty: bool) -> String {
    let named = flags(said, empty);
    named.split(" | ").map(|name| format!("vk::{kind}::{name}")).collect::<Vec<_>>().join(" | ")
}

pub(crate) fn rust_stages(stages: S) -> String {
    rust_flags("PipelineStageFlags2", &stages, stages.is_empty())
}

pub(crate) fn rust_mask(mask: A) -> String {
    rust_flags("AccessFlags2", &mask, mask.is_empty())
}

/// A name as a variable in Rust; of a type, what it is of: `GpuImage<RenderTarget>` is `render_target`.
pub(crate) fn variable(name: &str) -> String {
    let generic = name.find('<').zip(name.rfind('>')).filter(|(open, close)| open < close);
    let inner = match generic {
        Some((open, close)) => format!("{}_{}", &name[open + 1..close], &name[close + 1..]),
        None => name.to_owned(),
    };
    let mut variable = String::new();
    let mut after_small = false;
    for c in inner.chars() {
        let ends_word = !c.is_ascii_alphanumeric() || c.is_ascii_uppercase() && after_small;
        if ends_word && !variable.is_empty() && !variable.ends_with('_') {
            variable.push('_');
        }
        if c.is_ascii_alphanumeric() {
            variable.push(c.to_ascii_lowercase());
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    let variable = variable.trim_end_matches('_');
    match variable.chars().next() {
        Some(first) if !first.is_ascii_digit() => variable.to_owned(),
        _ => format!("image_{variable}"),
    }
}

/// An image's region as what [`PassBarrier::image`](crate::PassBarrier::image) takes; several, where one handle does not
/// name it.
pub(crate) fn image(name: &str, region: &Region, whole: &Region) -> Vec<String> {
    let name = variable(name);
    if region == whole {
        return vec![format!("&{name}")];
    }
    let level = |level: u32| format!(".level({level})");
    let layer = |layer: u32| format!(".layer({layer})");
    let levels: Vec<_> = if region.x == whole.x { vec![String::new()] } else { region.levels().map(level).collect() };
    let layers: Vec<_> = if region.y == whole.y { vec![String::new()] } else { region.layers().map(layer).collect() };
    let both = |level: &String| layers.iter().map(|layer| format!("{name}{level}{layer}")).collect::<Vec<_>>();
    levels.iter().flat_map(both).collect()
}

/// The Rust that makes a [`PassBarrier`](crate::PassBarrier), or several of them.
pub(crate) fn pass_barrier(dependency: &Dependency, image: Option<(Vec<String>, [ImageLayout; 2])>) -> String {
    let side = |scope: &Scope| format!("({}, {})", rust_stages(scope.stages), rust_mask(scope.mask));
    let (source, target) = (side(&dependency.source), side(&dependency.target));
    let Some((images, [old, new])) = image else { return format!("PassBarrier::memory({source}, {target})") };
    let layouts = format!("[vk::ImageLayout::{old:?}, vk::ImageLayout::{new:?}]");
    let one = |image: &String| format!("PassBarrier::image({image}, {source}, {target}, {layouts})");
    images.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_are_said_in_words() {
        let cases = [
            (Access::COPY_TARGET, "written by copies"),
            (Access::BLIT_SOURCE, "read by blits"),
            (Access::VERTEX, "read as vertices"),
            (Access::storage_write(S::COMPUTE_SHADER), "written by compute shaders"),
            (Access::storage_read(S::VERTEX_SHADER | S::FRAGMENT_SHADER), "read by vertex and fragment shaders"),
            (Access::COLOR_ATTACHMENT, "rendered to"),
            (Access::DEPTH_ATTACHMENT, "rendered to as depth"),
            (Access::PRESENT, "presented"),
            (Access::INDEX.and(Access::INDIRECT), "read as indices and arguments of commands"),
            (Access::COPY_SOURCE.and(Access::storage_read(S::COMPUTE_SHADER)), "read by copies and compute shaders"),
            (Access::COPY_SOURCE.and(Access::VERTEX), "read by copies and read as vertices"),
            (
                Access::SAMPLED.and(Access::storage_read(S::FRAGMENT_SHADER)),
                "read by fragment shaders and sampled by fragment shaders",
            ),
        ];
        for (access, words) in cases {
            assert_eq!(touched(&access), words);
        }
    }

    #[test]
    fn flags_are_rust_one_by_one() {
        assert_eq!(rust_mask(A::NONE), "vk::AccessFlags2::NONE");
        let both = rust_stages(S::VERTEX_SHADER | S::COMPUTE_SHADER);
        assert_eq!(both, "vk::PipelineStageFlags2::VERTEX_SHADER | vk::PipelineStageFlags2::COMPUTE_SHADER");
    }

    #[test]
    fn names_are_variables() {
        let names =
            ["depth", "my target", "2d", "GpuImage<RenderTarget>", "GpuImage<RenderTarget> \"left\"", "", "cubes.ids"];
        let variables = names.map(variable);
        assert_eq!(
            variables,
            ["depth", "my_target", "image_2d", "render_target", "render_target_left", "image_", "cubes_ids"]
        );
    }

    #[test]
    fn a_region_that_no_handle_names_is_several() {
        let whole = Region::subresources(0..3, 0..2);
        assert_eq!(image("my target", &whole, &whole), ["&my_target"]);
        assert_eq!(image("t", &Region::subresources(1..3, 0..2), &whole), ["t.level(1)", "t.level(2)"]);
        assert_eq!(image("2d", &Region::subresources(0..1, 1..2), &whole), ["image_2d.level(0).layer(1)"]);
    }
}
