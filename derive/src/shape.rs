//! What a type plainly is, as it is written.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, GenericParam, Generics, PathArguments, PathSegment, Type};

/// What a type is, as far as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Buffer,
    Image,
    /// `CpuData<T>`.
    Cpu,
    /// An alias, perhaps, or something else altogether.
    Unknown,
}

/// A type without what contains it.
pub(crate) struct Shape<'t> {
    pub(crate) kind: Kind,
    /// What stands in its angle brackets.
    pub(crate) argument: Option<&'t Type>,
    /// Whether it stands in an `Option`, a `Vec` or an array.
    pub(crate) is_contained: bool,
}

/// What a type is; of several, or of none or one, what these are.
pub(crate) fn shape(ty: &Type) -> Shape<'_> {
    if let Type::Array(array) = plain(ty) {
        return Shape { is_contained: true, ..shape(&array.elem) };
    }
    let Some(segment) = last_segment(ty) else {
        return Shape { kind: Kind::Unknown, argument: None, is_contained: false };
    };
    let (name, argument) = (segment.ident.to_string(), argument(segment));
    let kind = match (&*name, argument) {
        ("Option" | "Vec", Some(inner)) => return Shape { is_contained: true, ..shape(inner) },
        ("GpuBuffer" | "TransientBuffer" | "BufferSlice", Some(_)) => Kind::Buffer,
        ("GpuImage" | "Subimage", Some(_)) => Kind::Image,
        ("CpuData", Some(_)) => Kind::Cpu,
        _ => Kind::Unknown,
    };
    Shape { kind, argument, is_contained: false }
}

/// The last segment of a type that is a path.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match plain(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => plain(&group.elem),
        Type::Paren(paren) => plain(&paren.elem),
        ty => ty,
    }
}

fn argument(segment: &PathSegment) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether a type's tokens mention a parameter of the struct.
pub(crate) fn mentions(ty: &Type, generics: &Generics) -> bool {
    let names: Vec<_> = generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Type(param) => Some(param.ident.to_string()),
            GenericParam::Const(param) => Some(param.ident.to_string()),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    !names.is_empty() && any_ident(ty.to_token_stream(), &|ident| names.contains(&ident))
}

fn any_ident(tokens: TokenStream, is_it: &impl Fn(String) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => is_it(ident.to_string()),
        TokenTree::Group(group) => any_ident(group.stream(), is_it),
        _ => false,
    })
}

/// `self` of the function that is generated, shown at a place of the input: that place may come from a macro, in which `self`
/// is another's.
pub(crate) fn this_at(place: Span) -> Ident {
    Ident::new("self", Span::call_site().located_at(place))
}
