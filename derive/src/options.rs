//! What several derives ask of their input.

use syn::{Attribute, Error, GenericParam, Generics, LitStr, Result, meta::ParseNestedMeta, spanned::Spanned};

use crate::mistakes::Mistakes;

/// The string of `key = ".."`, which is not empty.
pub(crate) fn string(meta: &ParseNestedMeta<'_>) -> Result<LitStr> {
    let text: LitStr = meta.value()?.parse()?;
    if text.value().trim().is_empty() {
        return Err(Error::new(text.span(), "this name is empty; leave it out for the default, or write one"));
    }
    Ok(text)
}

/// The attributes of a name.
pub(crate) fn named<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a Attribute> {
    attributes.iter().filter(move |attribute| attribute.path().is_ident(name))
}

/// What borrows cannot be added to a graph, which outlives the call that adds it.
pub(crate) fn refuse_lifetimes(generics: &Generics, what: &str, mistakes: &mut Mistakes) {
    for param in &generics.params {
        if let GenericParam::Lifetime(lifetime) = param {
            mistakes.at(
                lifetime.span(),
                format!(
                    "a {what} is `'static`: graphs run it when the caller is long gone; hold handles of GPU resources, which are \
                     cheap to clone, `CpuData`, or an `Arc`, instead of references"
                ),
            );
        }
    }
}

/// `a`, `b` or `c`.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
