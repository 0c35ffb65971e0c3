//! `#[derive(Schedule)]`: systems in named stages.

mod emit;
mod order;
mod stage;

use proc_macro2::TokenStream;
use syn::{Data, DeriveInput, Field, Fields, Result};

use self::stage::Stage;
use crate::{mistakes::Mistakes, options};

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut mistakes = Mistakes::default();
    options::refuse_lifetimes(&input.generics, "schedule", &mut mistakes);
    let fields = fields(input, &mut mistakes);
    let stages: Vec<_> = fields.iter().filter_map(|field| Stage::parse(field, &mut mistakes)).collect();
    let order = order::check(&stages, &mut mistakes);
    mistakes.end()?;
    Ok(emit::emit(input, &stages, &order))
}

fn fields<'i>(input: &'i DeriveInput, mistakes: &mut Mistakes) -> Vec<&'i Field> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => return fields.named.iter().collect(),
            _ => {}
        },
        Data::Enum(_) | Data::Union(_) => {}
    }
    mistakes.at(
        input.ident.span(),
        "a schedule is a struct with a field for each stage: `#[stage] draw: (DrawScene, DrawSky)`",
    );
    Vec::new()
}
