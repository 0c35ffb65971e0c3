//! `#[derive(System)]`: what a system touches, from its fields or from the attributes of a unit struct.

mod emit;
mod emit_cpu;
mod emit_gpu;
mod fields;
mod items;
mod model;
mod way;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Error, Fields, Result};

use crate::{mistakes::Mistakes, options};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut mistakes = Mistakes::default();
    options::refuse_lifetimes(&input.generics, "system", &mut mistakes);
    let said = model::Said::parse(input, &mut mistakes);
    let Some(fields) = struct_fields(&input.data, &mut mistakes) else {
        mistakes.end()?;
        return Ok(TokenStream::new());
    };
    let system = match fields {
        Fields::Unit => items::system(input, said, &mut mistakes),
        fields => fields::system(input, fields, said, &mut mistakes),
    };
    system.check(&mut mistakes);
    mistakes.end()?;
    Ok(emit::emit(&system))
}

fn struct_fields<'i>(data: &'i Data, mistakes: &mut Mistakes) -> Option<&'i Fields> {
    let (span, what) = match data {
        Data::Struct(data) => return Some(&data.fields),
        Data::Enum(data) => (data.enum_token.span, "an enum"),
        Data::Union(data) => (data.union_token.span, "a union"),
    };
    mistakes.note(Error::new(
        span,
        format!(
            "{what} does not say what it touches; a system is a struct: its fields hold the resources, or it has no fields and finds \
             them in a registry"
        ),
    ));
    None
}
