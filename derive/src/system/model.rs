//! A system as its derive understands it.

use proc_macro2::{Ident, Span};
use syn::{DeriveInput, Error, Generics, LitStr, Member, Type, ext::IdentExt, spanned::Spanned};

use super::way::{Direction, Way};
use crate::{
    mistakes::Mistakes,
    options::{list, named, string},
    text::text,
};

pub(super) struct System {
    pub(super) ident: Ident,
    pub(super) generics: Generics,
    pub(super) said: Said,
    pub(super) form: Form,
    pub(super) gpu: Vec<GpuTouch>,
    pub(super) cpu: Vec<CpuTouch>,
}

/// Where a system has its resources from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Fields,
    Registry,
}

/// `#[system(..)]`.
pub(super) struct Said {
    pub(super) name: String,
    pub(super) queue: Option<Ident>,
}

/// One use of one GPU resource.
pub(super) struct GpuTouch {
    pub(super) direction: Direction,
    pub(super) way: Way,
    pub(super) ty: Type,
    pub(super) place: Place,
    /// The attribute as it stands there.
    pub(super) attribute: String,
}

/// One use of CPU data.
pub(super) struct CpuTouch {
    pub(super) direction: Direction,
    /// The `T` of `CpuData<T>`.
    pub(super) data: Type,
    pub(super) place: Place,
    pub(super) span: Span,
}

/// Where a resource is.
pub(super) enum Place {
    Field(Member),
    Registry(Option<LitStr>),
}

impl Place {
    pub(super) fn field(&self) -> Option<String> {
        match self {
            Self::Field(Member::Named(name)) => Some(name.unraw().to_string()),
            Self::Field(Member::Unnamed(index)) => Some(index.index.to_string()),
            Self::Registry(_) => None,
        }
    }

    pub(super) fn instance(&self) -> Option<&LitStr> {
        match self {
            Self::Field(_) => None,
            Self::Registry(instance) => instance.as_ref(),
        }
    }
}

const QUEUES: [(&str, &str); 3] = [("graphics", "Graphics"), ("compute", "Compute"), ("transfer", "Transfer")];

impl Said {
    pub(super) fn parse(input: &DeriveInput, mistakes: &mut Mistakes) -> Self {
        let (mut name, mut queue) = (None, None);
        for attribute in named(&input.attrs, "system") {
            let parsed = attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    name = Some(string(&meta)?.value());
                    Ok(())
                } else if meta.path.is_ident("queue") {
                    queue = Some(queue_of(&string(&meta)?)?);
                    Ok(())
                } else {
                    let said = text(&meta.path);
                    Err(meta.error(format!(
                        "`{said}` is no setting of a system; write `name = \"..\"` or `queue = \"..\"`"
                    )))
                }
            });
            mistakes.ok(parsed);
        }
        Self { name: name.unwrap_or_else(|| input.ident.unraw().to_string()), queue }
    }
}

fn queue_of(said: &LitStr) -> syn::Result<Ident> {
    let name = said.value();
    let found = QUEUES.iter().find(|(queue, _)| *queue == name);
    found.map(|(_, variant)| Ident::new(variant, said.span())).ok_or_else(|| {
        let names = QUEUES.map(|(queue, _)| queue);
        Error::new(said.span(), format!("there is no queue `{name}`; write {}", list(&names)))
    })
}

impl System {
    /// What only shows when all of it is known.
    pub(super) fn check(&self, mistakes: &mut Mistakes) {
        if self.gpu.is_empty() && self.cpu.is_empty() && mistakes.is_empty() {
            let cure = match self.form {
                Form::Fields => "write `#[reads]` or `#[writes]` on the fields that hold its resources",
                Form::Registry => "write `#[reads(..)]` or `#[writes(..)]` on it, with the types of its resources",
            };
            mistakes.at(self.ident.span(), format!("`{}` touches nothing; {cure}", self.ident));
        }
        if self.gpu.is_empty() {
            return;
        }
        for touch in self.cpu.iter().filter(|touch| touch.direction == Direction::Writes) {
            mistakes.at(
                touch.span,
                format!(
                    "`{}` touches GPU resources, and so it records commands; it may read `{}`, and not write it: write it in a \
                     system of its own, which has no GPU resources",
                    self.ident,
                    text(&touch.data)
                ),
            );
        }
    }

    pub(super) fn of(&self, direction: Direction) -> impl Iterator<Item = &GpuTouch> {
        self.gpu.iter().filter(move |touch| touch.direction == direction)
    }

    pub(super) fn cpu_of(&self, direction: Direction) -> impl Iterator<Item = &CpuTouch> {
        self.cpu.iter().filter(move |touch| touch.direction == direction)
    }
}

impl GpuTouch {
    /// Where a mistake in it is shown.
    pub(super) fn span(&self) -> Span {
        self.ty.span()
    }
}
