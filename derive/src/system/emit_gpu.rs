//! Of a system with GPU resources: their metadata, their declaration, and its pass.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

use super::{
    emit::{implement, mode, option, queue},
    model::{Form, GpuTouch, Place, System},
    way::{Direction, WayKind},
};
use crate::{
    shape::{Kind, last_segment, mentions, shape},
    text::text,
};

/// A system of GPU resources that its fields hold: a `vulkio::System`.
pub(super) fn system(system: &System) -> TokenStream {
    let name = &system.said.name;
    let queue = queue(system);
    let declared = declare_fields(system, &quote!(uses));
    let record = recorded(system);
    let body = quote! {
        fn name(&self) -> &str { #name }
        #queue
        fn declare(&self, uses: &mut ::vulkio::Uses) { #declared }
        #record
    };
    implement(system, &quote!(::vulkio::System), &body)
}

/// What records any other system with GPU resources.
pub(super) fn record(system: &System) -> TokenStream {
    implement(system, &quote!(::vulkio::GpuMember), &recorded(system))
}

fn recorded(system: &System) -> TokenStream {
    // Its missing is shown at the struct. Names of this function are its own, wherever the struct's comes from: a macro, say.
    let (this, cmd) = (quote!(self), quote!(cmd));
    let call = quote_spanned!(system.ident.span()=> <Self as ::vulkio::Record>::record(#this, #cmd));
    quote!(fn record(&self, cmd: &mut ::vulkio::Encoder<'_>) -> ::vulkio::Result<()> { #call })
}

/// The metadata of what it reads or writes.
pub(super) fn metas(system: &System, direction: Direction) -> Vec<TokenStream> {
    system.of(direction).map(|touch| meta(system, touch)).collect()
}

fn meta(system: &System, touch: &GpuTouch) -> TokenStream {
    let GpuTouch { ty, attribute, direction, way, place, .. } = touch;
    let (type_name, role) = (text(ty), role(system, touch));
    let (mode, way) = (mode(*direction), way_of(&way.kind));
    let meta = quote_spanned! {touch.span()=>
        ::vulkio::derived::meta::<#ty>(#type_name, #attribute, ::vulkio::Mode::#mode, ::vulkio::derived::Way::#way, #role)
    };
    if let Some(field) = place.field() {
        return quote!(::vulkio::derived::in_field(#meta, #field));
    }
    let instance = option(place.instance());
    let identity = quote!(::core::concat!(::core::module_path!(), "::", #type_name));
    quote!(::vulkio::derived::in_registry(#meta, #instance, #identity))
}

fn way_of(way: &WayKind) -> Ident {
    let name = match way {
        WayKind::Own => "Own",
        WayKind::Storage => "Storage",
        WayKind::Concurrent => "Concurrent",
        WayKind::Vertex => "Vertex",
        WayKind::Index => "Index",
        WayKind::Indirect => "Indirect",
        WayKind::Uniform => "Uniform",
        WayKind::Sampled => "Sampled",
        WayKind::Copy => "Copy",
        WayKind::Blit => "Blit",
        WayKind::Load => "Load",
        WayKind::Discard | WayKind::Clear(_) => "Overwrite",
    };
    Ident::new(name, Span::call_site())
}

/// The role of the data, and whether it is inferred.
fn role(system: &System, touch: &GpuTouch) -> TokenStream {
    let ty = &touch.ty;
    let own = if !mentions(ty, &system.generics) {
        quote_spanned! {touch.span()=> {
            #[allow(unused_imports)] // where there is a role
            use ::vulkio::derived::NoRole as _;
            ::vulkio::derived::Probe::<::vulkio::derived::DataOf<#ty>>::ROLE
        }}
    } else if matches!(touch.way.kind, WayKind::Own) {
        quote_spanned! {touch.span()=>
            ::core::option::Option::Some(<::vulkio::derived::DataOf<#ty> as ::vulkio::GpuData>::ROLE)
        }
    } else {
        // Of a parameter it is not known whether it has a role, and it is not asked for.
        quote!(::core::option::Option::None)
    };
    let named = option(named_role(system.form, ty).map(|role| quote!(::vulkio::Role::#role)));
    quote!(::vulkio::derived::role(#own, #named))
}

/// The role that the name of a buffer's data says, in the unit-struct form.
fn named_role(form: Form, ty: &Type) -> Option<Ident> {
    let shape = shape(ty);
    if form == Form::Fields || shape.kind != Kind::Buffer {
        return None;
    }
    let name = last_segment(shape.argument?)?.ident.to_string();
    let role = match &*name {
        name if name.starts_with("Vertex") => "Vertex",
        name if name.starts_with("Index") => "Index",
        name if name.starts_with("Indirect") => "Indirect",
        "DrawArgs" | "DrawIndexedArgs" | "DispatchArgs" => "Indirect",
        name if name.starts_with("Uniform") => "Uniform",
        _ => return None,
    };
    Some(Ident::new(role, Span::call_site()))
}

/// Declares what its fields hold.
pub(super) fn declare_fields(system: &System, uses: &TokenStream) -> TokenStream {
    let of = |direction| {
        system.of(direction).enumerate().filter_map(|(index, touch)| match &touch.place {
            Place::Field(member) => {
                // A mistake is shown at the field, and `self` is this function's wherever the field comes from.
                let place = Ident::new("place", touch.span());
                let declare = declare(touch, index, uses, &quote!(#place));
                Some(quote!({ let #place = &self.#member; #declare }))
            }
            Place::Registry(_) => None,
        })
    };
    of(Direction::Reads).chain(of(Direction::Writes)).collect()
}

/// The metadata of one of what a system reads or writes.
pub(super) fn meta_at(touch: &GpuTouch, index: usize) -> TokenStream {
    let metas = match touch.direction {
        Direction::Reads => format_ident!("GPU_READS"),
        Direction::Writes => format_ident!("GPU_WRITES"),
    };
    quote!(&<Self as ::vulkio::GpuResourceAccess>::#metas[#index])
}

/// Declares one use of what `place` refers to.
pub(super) fn declare(touch: &GpuTouch, index: usize, uses: &TokenStream, place: &TokenStream) -> TokenStream {
    let (meta, span) = (meta_at(touch, index), touch.span());
    let declare = |function: &str| {
        let function = Ident::new(function, span);
        quote_spanned!(span=> ::vulkio::derived::#function(#uses, #meta, #place);)
    };
    match &touch.way.kind {
        WayKind::Own | WayKind::Copy => declare("declare"),
        WayKind::Storage
        | WayKind::Concurrent
        | WayKind::Vertex
        | WayKind::Index
        | WayKind::Indirect
        | WayKind::Uniform => declare("declare_buffer"),
        WayKind::Sampled => declare("declare_texture"),
        WayKind::Blit => declare("declare_image"),
        WayKind::Load => declare("declare_image"),
        WayKind::Discard => declare("discard"),
        WayKind::Clear(value) => {
            quote_spanned!(span=> ::vulkio::derived::clear(#uses, #meta, #place, |image| image.clear(#value));)
        }
    }
}
