//! What checks say.

use ash::vk::AccessFlags2 as A;

use super::spirv::Touch;
use crate::{
    error::Error,
    resource::{Access, GpuResourceMeta},
};

/// What a derived system says of a resource.
pub(crate) type Label = &'static GpuResourceMeta;

/// Something that a shader does and its pass did not declare.
pub(super) struct Fault<'f> {
    pub(super) stage: &'static str,
    pub(super) pipeline: &'f str,
    /// Where the shader finds the address.
    pub(super) place: &'f str,
    pub(super) touch: Touch,
    pub(super) resource: &'f str,
    /// How the pass declared the resource, if it did.
    pub(super) declared: Option<A>,
    pub(super) label: Option<Label>,
    /// Whether the pass is a derived system.
    pub(super) is_derived: bool,
}

impl Fault<'_> {
    pub(super) fn told(&self) -> Error {
        let Self { stage, pipeline, place, resource, .. } = self;
        let (does, method) = match (self.touch.reads, self.touch.writes) {
            (_, false) => ("reads", "reads"),
            (false, true) => ("writes", "writes"),
            (true, true) => ("reads and writes", "writes"),
        };
        let (found, advice) = (self.found(), self.advice(method));
        Error::Graph(format!(
            "the {stage} shader of pipeline `{pipeline}` {does} `{resource}`, whose address it finds in {place}; {found}; {advice}"
        ))
    }

    /// What the pass declared.
    fn found(&self) -> String {
        match (self.declared.map(ways), self.label) {
            (None, _) => "the pass did not declare it".to_owned(),
            (Some(ways), None) => format!("the pass declared only that it {ways} it"),
            (Some(ways), Some(label)) => {
                let (holder, attribute) = (holder(label), label.attribute);
                format!("{holder} has `{attribute}`, which only says that the system {ways} it")
            }
        }
    }

    fn advice(&self, method: &str) -> String {
        let resource = self.resource;
        match (self.label, self.is_derived) {
            (None, false) => format!("add `.{method}(&{resource})`"),
            (None, true) => format!("add a field for it with `#[{method}(storage)]`"),
            (Some(label), _) => match label.field {
                Some(field) => format!("write `#[{method}(storage)]` on field `{field}`"),
                None => format!("write `{} as storage` in `#[{method}(..)]`", label.type_name),
            },
        }
    }
}

/// The field, or the type where there is none.
pub(crate) fn holder(label: Label) -> String {
    match (label.field, label.instance) {
        (Some(field), _) => format!("field `{field}`"),
        (None, Some(instance)) => format!("`{} = \"{instance}\"`", label.type_name),
        (None, None) => format!("`{}`", label.type_name),
    }
}

/// What to do about a declaration that nothing came of.
pub(super) fn removal(resource: &str, access: Access, label: Option<Label>) -> String {
    match label {
        Some(label) => format!("remove `{}` from {}", label.attribute, holder(label)),
        None => {
            let method = if access.writes() { "writes" } else { "reads" };
            format!("remove the `.{method}(..)` of `{resource}`")
        }
    }
}

/// What a pass says that it does with a buffer.
fn ways(mask: A) -> String {
    let all = [
        (A::SHADER_STORAGE_WRITE, "writes"),
        (A::SHADER_STORAGE_READ, "reads"),
        (A::TRANSFER_READ, "copies from"),
        (A::TRANSFER_WRITE, "copies to"),
        (A::INDIRECT_COMMAND_READ, "takes arguments from"),
        (A::INDEX_READ, "takes indices from"),
        (A::VERTEX_ATTRIBUTE_READ, "fetches vertices from"),
    ];
    let said: Vec<_> = all.into_iter().filter(|(flag, _)| mask.contains(*flag)).map(|(_, word)| word).collect();
    if said.is_empty() { "touches (in another way)".to_owned() } else { said.join(" and ") }
}
