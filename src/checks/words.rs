//! What checks say.

use ash::vk::AccessFlags2 as A;

use super::spirv::Touch;
use crate::{
    error::Error,
    graph::uses::Label,
    resource::{Access, GpuResourceMeta},
};

/// What a derived system says of a resource.
pub(crate) type Meta = &'static GpuResourceMeta;

/// What the labels of a pass say of the resource with this id.
pub(crate) fn label_of(labels: &[Label], id: usize) -> Option<Meta> {
    labels.iter().find(|label| label.resource == id).map(|label| label.meta)
}

/// What a derived system is to write; `None` for a pass that was declared by hand. `way` is empty for the role's own.
pub(crate) fn derived_advice(labels: &[Label], id: usize, verb: &str, way: &str) -> Option<String> {
    let attribute = if way.is_empty() { format!("#[{verb}]") } else { format!("#[{verb}({way})]") };
    let kind = if way.is_empty() { String::new() } else { format!(" as {way}") };
    match label_of(labels, id) {
        Some(meta) => Some(match meta.field {
            Some(field) => format!("write `{attribute}` on field `{field}`"),
            None => format!("write `{}{kind}` in `#[{verb}(..)]`", meta.type_name),
        }),
        None if labels.is_empty() => None,
        None => Some(format!("add a field for it with `{attribute}`")),
    }
}

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
    pub(super) id: usize,
    pub(super) labels: &'f [Label],
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
        match (self.declared.map(ways), label_of(self.labels, self.id)) {
            (None, _) => "the pass did not declare it".to_owned(),
            (Some(ways), None) => format!("the pass declared only that it {ways} it"),
            (Some(ways), Some(label)) => {
                let (holder, attribute) = (holder(label), label.attribute);
                format!("{holder} has `{attribute}`, which only says that the system {ways} it")
            }
        }
    }

    fn advice(&self, method: &str) -> String {
        derived_advice(self.labels, self.id, method, "storage")
            .unwrap_or_else(|| format!("add `.{method}(&{})`", self.resource))
    }
}

/// The field, or the type where there is none.
fn holder(label: Meta) -> String {
    match (label.field, label.instance) {
        (Some(field), _) => format!("field `{field}`"),
        (None, Some(instance)) => format!("`{} = \"{instance}\"`", label.type_name),
        (None, None) => format!("`{}`", label.type_name),
    }
}

/// What to do about a declaration that nothing came of.
pub(super) fn removal(resource: &str, access: Access, label: Option<Meta>) -> String {
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
