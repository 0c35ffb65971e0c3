//! `#[derive(GpuData)]`: the role of data, and of vertices their attributes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Attribute, Data, DataStruct, DeriveInput, Result, ext::IdentExt, parse::Parse, spanned::Spanned};

use crate::{
    mistakes::Mistakes,
    options::{list, named},
};

const ROLES: [(&str, &str); 5] = [
    ("storage", "Storage"),
    ("uniform", "Uniform"),
    ("vertex", "Vertex"),
    ("index", "Index"),
    ("indirect", "Indirect"),
];

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    let mut mistakes = Mistakes::default();
    let fields = fields(input, &mut mistakes);
    let role = role(input, &mut mistakes);
    if fields.is_some() && !has_layout(&input.attrs) {
        mistakes.at(
            input.ident.span(),
            "shaders and this program must agree on where its fields are; write `#[repr(C)]` on it (or `#[repr(transparent)]`)",
        );
    }
    mistakes.end()?;
    let (Some(fields), Some(role)) = (fields, role) else { return Ok(TokenStream::new()) };
    let ident = &input.ident;
    // The bound, which names a lifetime for no other reason, is not looked at here: what is wrong is said once, by the check.
    let plain = quote!(for<'plain> #ident: ::vulkio::derived::PlainData);
    let check = quote_spanned!(ident.span()=> const _: () = ::vulkio::derived::plain_data::<#ident>(););
    let layout = layout(ident, fields);
    let vertex = (role == "Vertex").then(|| vertex(ident, fields));
    Ok(quote! {
        #check
        #[automatically_derived]
        impl ::vulkio::GpuData for #ident
        where
            #plain,
        {
            const ROLE: ::vulkio::Role = ::vulkio::Role::#role;
            const LAYOUT: ::vulkio::derived::Layout = #layout;
        }
        #vertex
    })
}

fn fields<'i>(input: &'i DeriveInput, mistakes: &mut Mistakes) -> Option<&'i DataStruct> {
    if !input.generics.params.is_empty() {
        mistakes.at(
            input.generics.span(),
            "data of GPU buffers has one layout and one role, and so no parameters; write a struct for each",
        );
    }
    match &input.data {
        Data::Struct(data) => return Some(data),
        Data::Enum(data) => mistakes.at(
            data.enum_token.span,
            "shaders may write any bits, and an enum allows few; write a struct with a field of `u32` for this",
        ),
        Data::Union(data) => mistakes.at(
            data.union_token.span,
            "which field of a union shaders mean is not known; write a struct, and another buffer for the other data",
        ),
    }
    None
}

fn role(input: &DeriveInput, mistakes: &mut Mistakes) -> Option<Ident> {
    let mut said = Vec::new();
    for attribute in named(&input.attrs, "role") {
        let roles = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
            input.parse_terminated(|input| Ident::parse_any(input), syn::Token![,])
        });
        said.extend(mistakes.ok(roles).into_iter().flatten());
    }
    let names = ROLES.map(|(name, _)| name);
    match &said[..] {
        [] => mistakes
            .at(Span::call_site(), format!("what is this data for? Write `#[role(..)]` on it, with {}", list(&names))),
        [one] => {
            let found = ROLES.iter().find(|(name, _)| one == name);
            if found.is_none() {
                mistakes.at(one.span(), format!("`{one}` is no role of data; write {}", list(&names)));
            }
            return found.map(|(_, role)| Ident::new(role, one.span()));
        }
        [_, second, ..] => mistakes
            .at(second.span(), "data has one role; systems that use it in another way say so: `#[reads(storage)]`"),
    }
    None
}

fn has_layout(attributes: &[Attribute]) -> bool {
    let mut found = false;
    for attribute in named(attributes, "repr") {
        // What is wrong in it, the compiler says.
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("C") || meta.path.is_ident("transparent");
            if meta.input.peek(syn::token::Paren) {
                let arguments;
                syn::parenthesized!(arguments in meta.input);
                let _ = TokenStream::parse(&arguments)?;
            }
            Ok(())
        });
    }
    found
}

/// Where each field is, and what it holds.
fn layout(ident: &Ident, data: &DataStruct) -> TokenStream {
    let fields = data.fields.iter().enumerate().map(|(index, field)| {
        let member = match &field.ident {
            Some(name) => name.to_token_stream(),
            None => syn::Index::from(index).to_token_stream(),
        };
        let name = field.ident.as_ref().map_or_else(|| index.to_string(), |name| name.unraw().to_string());
        let ty = &field.ty;
        let of = quote! {{
            #[allow(unused_imports)]
            use ::vulkio::derived::NoRole as _;
            &::vulkio::derived::Probe::<#ty>::LAYOUT
        }};
        quote!((#name, ::core::mem::offset_of!(#ident, #member), #of))
    });
    quote!(::vulkio::derived::Layout::Fields(&[#(#fields),*]))
}

/// One location for each field. What begins with `_` is padding.
fn vertex(ident: &Ident, data: &DataStruct) -> TokenStream {
    let attributes = data.fields.iter().enumerate().filter_map(|(index, field)| {
        let member = match &field.ident {
            Some(name) if name.to_string().starts_with('_') => return None,
            Some(name) => name.to_token_stream(),
            None => syn::Index::from(index).to_token_stream(),
        };
        let ty = &field.ty;
        let format = quote_spanned!(ty.span()=> <#ty as ::vulkio::AttributeFormat>::FORMAT);
        Some(quote!((#format, ::core::mem::offset_of!(#ident, #member))))
    });
    quote! {
        #[automatically_derived]
        impl ::vulkio::VertexData for #ident {
            const ATTRIBUTES: &'static [(::vulkio::ash::vk::Format, usize)] = &[#(#attributes),*];
        }
    }
}
