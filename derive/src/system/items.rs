//! The unit-struct form: attributes of the struct name the types of its resources, which a registry has.

use proc_macro2::Span;
use syn::{DeriveInput, Error, LitStr, Meta, Result, Token, Type, parse::ParseStream, spanned::Spanned};

use super::{
    model::{CpuTouch, Form, GpuTouch, Place, Said, System},
    way::{Direction, Way, WayKind},
};
use crate::{
    mistakes::Mistakes,
    options::named,
    shape::{Kind, last_segment, shape},
    text::text,
};

pub(super) fn system(input: &DeriveInput, said: Said, mistakes: &mut Mistakes) -> System {
    let mut items = Vec::new();
    for direction in [Direction::Reads, Direction::Writes] {
        for attribute in named(&input.attrs, direction.attribute()) {
            items.extend(mistakes.ok(parse(&attribute.meta, direction)).into_iter().flatten());
        }
    }
    for (index, item) in items.iter().enumerate() {
        mistakes.ok(item.check());
        if let Some(message) = items[..index].iter().find_map(|earlier| clash(earlier, item)) {
            mistakes.at(item.ty.span(), message);
        }
    }
    let (mut gpu, mut cpu) = (Vec::new(), Vec::new());
    for Item { direction, ty, way, instance, attribute } in items {
        let (span, place) = (ty.span(), Place::Registry(instance));
        if is_gpu(&ty) {
            gpu.push(GpuTouch { direction, way, ty, place, attribute });
        } else {
            cpu.push(CpuTouch { direction, data: ty, place, span });
        }
    }
    System { ident: input.ident.clone(), generics: input.generics.clone(), said, form: Form::Registry, gpu, cpu }
}

/// `Type as way = "instance"`.
struct Item {
    direction: Direction,
    ty: Type,
    way: Way,
    instance: Option<LitStr>,
    attribute: String,
}

fn parse(meta: &Meta, direction: Direction) -> Result<Vec<Item>> {
    let name = direction.attribute();
    let Meta::List(list) = meta else {
        let message = format!("write the types that it {name}: `#[{name}(GpuBuffer<Instance>, Transform)]`");
        return Err(Error::new(meta.path().span(), message));
    };
    let items = match direction {
        Direction::Reads => |input: ParseStream<'_>| Item::parse(input, Direction::Reads),
        Direction::Writes => |input: ParseStream<'_>| Item::parse(input, Direction::Writes),
    };
    let items = list.parse_args_with(|input: ParseStream<'_>| input.parse_terminated(items, Token![,]))?;
    Ok(items.into_iter().collect())
}

impl Item {
    fn parse(input: ParseStream<'_>, direction: Direction) -> Result<Self> {
        let ty: Type = input.parse()?;
        let way = match input.parse::<Option<Token![as]>>()? {
            Some(_) => Way::parse(input, direction, shape(&ty).kind, Form::Registry)?,
            None => Way::own(ty.span()),
        };
        let instance = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse::<LitStr>()?),
            None => None,
        };
        let way_text = way.kind.name().map_or_else(String::new, |name| match &way.kind {
            WayKind::Clear(value) => format!(" as clear({})", text(value)),
            _ => format!(" as {name}"),
        });
        let instance_text = instance.as_ref().map_or_else(String::new, |name| format!(" = {:?}", name.value()));
        let attribute = format!("#[{}({}{way_text}{instance_text})]", direction.attribute(), text(&ty));
        Ok(Self { direction, ty, way, instance, attribute })
    }

    fn check(&self) -> Result<()> {
        let shape = shape(&self.ty);
        let ty = text(&self.ty);
        if is_gpu(&self.ty) {
            return self.way.check(self.direction, &shape);
        }
        if shape.kind == Kind::Cpu {
            let data = shape.argument.map(text).unwrap_or_default();
            return Err(Error::new(self.span(), format!("write `{data}`: CPU data is found by its own type")));
        }
        if shape.kind != Kind::Unknown {
            return Err(Error::new(
                self.span(),
                format!("no registry keeps a `{ty}`; write a `GpuBuffer` or a `GpuImage`, or a system with fields"),
            ));
        }
        if let Some(name) = self.way.kind.name() {
            return Err(Error::new(
                self.way.span,
                format!(
                    "`{name}` is for GPU resources, and `{ty}` is data on the CPU; write `GpuBuffer<{ty}> as {name}`, or no way"
                ),
            ));
        }
        Ok(())
    }

    fn span(&self) -> Span {
        self.ty.span()
    }
}

/// What is not written as a buffer or an image is CPU data.
fn is_gpu(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "GpuBuffer" || segment.ident == "GpuImage")
}

/// Why two items do not go together.
fn clash(earlier: &Item, later: &Item) -> Option<&'static str> {
    let instance = |item: &Item| item.instance.as_ref().map(LitStr::value);
    if text(&earlier.ty) != text(&later.ty) || instance(earlier) != instance(later) {
        return None;
    }
    let same = earlier.way.kind.name() == later.way.kind.name();
    if earlier.direction == later.direction {
        return match same {
            true => Some("said twice; of several resources of one type, name each: `.. = \"left\"`"),
            false if earlier.way.kind.renders() && later.way.kind.renders() => {
                Some("the old contents are kept, cleared or lost: write one of `load`, `clear` and `discard`")
            }
            false => None,
        };
    }
    let covers = same && matches!(later.way.kind, WayKind::Own | WayKind::Storage);
    covers.then_some(
        "`#[writes(..)]` covers reading; remove it from `#[reads(..)]`, or say in which other way it is read",
    )
}
