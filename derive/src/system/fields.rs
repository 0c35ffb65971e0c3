//! The field form: each field that holds a resource says how the system touches it.

use proc_macro2::Span;
use syn::{Attribute, DeriveInput, Error, Field, Fields, Index, Member, Meta, Result, spanned::Spanned};

use super::{
    model::{CpuTouch, Form, GpuTouch, Place, Said, System},
    way::{Direction, Way, WayKind},
};
use crate::{
    mistakes::Mistakes,
    options::named,
    shape::{Kind, Shape, shape},
    text::text,
};

pub(super) fn system(input: &DeriveInput, fields: &Fields, said: Said, mistakes: &mut Mistakes) -> System {
    for name in ["reads", "writes"] {
        for attribute in named(&input.attrs, name) {
            mistakes.at(
                attribute.path().span(),
                format!(
                    "`{}` has fields, which say themselves what they are for: write `#[{name}]` on the field",
                    input.ident
                ),
            );
        }
    }
    let (mut gpu, mut cpu) = (Vec::new(), Vec::new());
    for (index, field) in fields.iter().enumerate() {
        let shape = shape(&field.ty);
        let said = said_of(field, shape.kind, mistakes);
        let place = || Place::Field(field.ident.clone().map_or(Member::Unnamed(Index::from(index)), Member::Named));
        check(field, &said, &shape, mistakes);
        match (shape.kind, shape.argument) {
            (Kind::Cpu, Some(data)) => cpu.extend(said.into_iter().map(|one| CpuTouch {
                direction: one.direction,
                data: data.clone(),
                place: place(),
                span: one.span,
            })),
            _ => gpu.extend(said.into_iter().map(|one| GpuTouch {
                direction: one.direction,
                way: one.way,
                ty: field.ty.clone(),
                place: place(),
                attribute: one.attribute,
            })),
        }
    }
    System { ident: input.ident.clone(), generics: input.generics.clone(), said, form: Form::Fields, gpu, cpu }
}

/// One attribute of a field.
struct FieldSaid {
    direction: Direction,
    way: Way,
    attribute: String,
    span: Span,
}

fn said_of(field: &Field, kind: Kind, mistakes: &mut Mistakes) -> Vec<FieldSaid> {
    let attributes =
        field.attrs.iter().filter_map(|attribute| match attribute.path().get_ident()?.to_string().as_str() {
            "reads" => Some((Direction::Reads, attribute)),
            "writes" => Some((Direction::Writes, attribute)),
            _ => None,
        });
    let said = attributes.map(|(direction, attribute)| {
        let way = way(attribute, direction, kind)?;
        Ok(FieldSaid { direction, way, attribute: text(attribute), span: attribute.path().span() })
    });
    said.filter_map(|said| mistakes.ok(said)).collect()
}

/// Whether there is an attribute, be it wrong.
fn is_said(field: &Field) -> bool {
    ["reads", "writes"].iter().any(|name| named(&field.attrs, name).next().is_some())
}

fn way(attribute: &Attribute, direction: Direction, kind: Kind) -> Result<Way> {
    match &attribute.meta {
        Meta::Path(path) => Ok(Way::own(path.span())),
        Meta::List(list) => list.parse_args_with(|input: syn::parse::ParseStream<'_>| {
            let way = Way::parse(input, direction, kind, Form::Fields)?;
            if input.is_empty() {
                return Ok(way);
            }
            Err(input
                .error(format!("one way is said in one attribute; write a second `#[{}(..)]`", direction.attribute())))
        }),
        Meta::NameValue(value) => Err(Error::new(
            value.eq_token.span,
            format!("write the way in parentheses: `#[{}(..)]`", direction.attribute()),
        )),
    }
}

fn check(field: &Field, said: &[FieldSaid], shape: &Shape<'_>, mistakes: &mut Mistakes) {
    let ignored = named(&field.attrs, "ignored").next();
    match (ignored, said) {
        (Some(ignored), [_, ..]) => {
            mistakes.at(
                ignored.path().span(),
                "a field that the system touches is not ignored; remove one of the attributes",
            );
        }
        (None, []) if shape.kind != Kind::Unknown && !is_said(field) => {
            let ty = text(&field.ty);
            mistakes.at(
                field.ty.span(),
                format!(
                    "does the system touch this `{ty}`? Write `#[reads]` or `#[writes]` on it; or `#[ignored]`, if nothing that the \
                     system records touches it"
                ),
            );
        }
        _ => {}
    }
    match shape.kind {
        Kind::Cpu => check_cpu(field, said, shape, mistakes),
        _ => check_gpu(said, shape, mistakes),
    }
}

fn check_cpu(field: &Field, said: &[FieldSaid], shape: &Shape<'_>, mistakes: &mut Mistakes) {
    if shape.is_contained && !said.is_empty() {
        mistakes.at(field.ty.span(), "CPU data stands by itself: write a field of `CpuData<..>` for each");
    }
    for one in said {
        if let Some(name) = one.way.kind.name() {
            let attribute = one.direction.attribute();
            mistakes.at(one.way.span, format!("`{name}` is for GPU resources; write `#[{attribute}]`"));
        }
    }
    if let [_, second, ..] = said {
        mistakes.at(second.span, "said twice; `#[writes]` covers reading");
    }
}

fn check_gpu(said: &[FieldSaid], shape: &Shape<'_>, mistakes: &mut Mistakes) {
    for (index, one) in said.iter().enumerate() {
        mistakes.ok(one.way.check(one.direction, shape));
        if let Some(message) = said[..index].iter().find_map(|earlier| clash(earlier, one)) {
            mistakes.at(one.span, message);
        }
    }
}

/// Why two attributes of one field do not go together.
fn clash(earlier: &FieldSaid, later: &FieldSaid) -> Option<&'static str> {
    let same = earlier.way.kind.name() == later.way.kind.name();
    if earlier.direction == later.direction {
        let both_render = earlier.way.kind.renders() && later.way.kind.renders();
        return match (same, both_render) {
            (true, _) => Some("said twice; remove one of the two attributes"),
            (_, true) => Some("the old contents are kept, cleared or lost: write one of `load`, `clear` and `discard`"),
            _ => None,
        };
    }
    let covers = same && matches!(later.way.kind, WayKind::Own | WayKind::Storage);
    covers.then_some(
        "`#[writes]` covers reading; remove `#[reads]`, or say in which other way it is read: `#[reads(copy)]`",
    )
}
