//! One stage: its name, what it comes after, and its systems.

use proc_macro2::{Ident, Span};
use syn::{
    Error, Field, LitStr, Meta, Result, Token, Type, ext::IdentExt, meta::ParseNestedMeta, spanned::Spanned, token,
};

use crate::{
    mistakes::Mistakes,
    options::{named, string},
    text::text,
};

/// As many as there are implementations of `vulkio::Members` for tuples of.
const MOST_MEMBERS: usize = 12;

pub(super) struct Stage {
    pub(super) field: Ident,
    pub(super) name: String,
    /// Where the name is said.
    pub(super) span: Span,
    pub(super) after: Vec<LitStr>,
    pub(super) members: Members,
}

/// The systems of a stage.
pub(super) enum Members {
    Tuple(Vec<Type>),
    /// One system, or an alias of a tuple.
    One(Box<Type>),
}

impl Members {
    /// The types that are known to be systems.
    pub(super) fn types(&self) -> &[Type] {
        match self {
            Self::Tuple(types) => types,
            Self::One(one) => std::slice::from_ref(one),
        }
    }
}

impl Stage {
    pub(super) fn parse(field: &Field, mistakes: &mut Mistakes) -> Option<Self> {
        let ident = field.ident.clone()?;
        let mut attributes = named(&field.attrs, "stage");
        let Some(attribute) = attributes.next() else {
            mistakes.at(
                ident.span(),
                format!("a schedule has stages and nothing else: write `#[stage]` on `{ident}`, or keep it elsewhere"),
            );
            return None;
        };
        if let Some(second) = attributes.next() {
            mistakes.at(second.path().span(), "said twice; write all of it in one `#[stage(..)]`");
        }
        let (mut name, mut after) = (None, Vec::new());
        let parsed = match &attribute.meta {
            Meta::Path(_) => Ok(()),
            _ => attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("name") {
                    name = Some(string(&meta)?);
                } else if meta.path.is_ident("after") {
                    after.extend(names(&meta)?);
                } else {
                    let said = text(&meta.path);
                    return Err(meta.error(format!(
                        "`{said}` is no setting of a stage; write `name = \"..\"` or `after = \"..\"`"
                    )));
                }
                Ok(())
            }),
        };
        mistakes.ok(parsed);
        let (name, span) = match name {
            Some(name) => (name.value(), name.span()),
            None => (ident.unraw().to_string(), ident.span()),
        };
        let members = mistakes.ok(members(&field.ty))?;
        Some(Self { field: ident, name, span, after, members })
    }
}

/// `after = "a"` or `after = ["a", "b"]`.
fn names(meta: &ParseNestedMeta<'_>) -> Result<Vec<LitStr>> {
    let value = meta.value()?;
    if !value.peek(token::Bracket) {
        return Ok(vec![value.parse()?]);
    }
    let list;
    syn::bracketed!(list in value);
    let names = list.parse_terminated(<LitStr as syn::parse::Parse>::parse, Token![,])?;
    Ok(names.into_iter().collect())
}

fn members(ty: &Type) -> Result<Members> {
    let Type::Tuple(tuple) = ty else { return Ok(Members::One(Box::new(ty.clone()))) };
    match tuple.elems.len() {
        0 => Err(Error::new(ty.span(), "a stage has at least one system: `(DrawScene,)`")),
        1..=MOST_MEMBERS => Ok(Members::Tuple(tuple.elems.iter().cloned().collect())),
        many => Err(Error::new(
            ty.span(),
            format!(
                "a stage has {MOST_MEMBERS} systems at most, and this one {many}; make two stages of it, with the same `after`: systems that \
                 share nothing run side by side in them, too"
            ),
        )),
    }
}
