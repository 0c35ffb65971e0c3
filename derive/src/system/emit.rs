//! The implementations of a system.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{
    emit_cpu, emit_gpu,
    model::{Form, Place, System},
    way::Direction,
};
use crate::text::text;

pub(super) fn emit(system: &System) -> TokenStream {
    let access = access(system);
    let acts = match (system.gpu.is_empty(), system.cpu.is_empty(), system.form) {
        (true, ..) => emit_cpu::run(system),
        (false, true, Form::Fields) => emit_gpu::system(system),
        (false, ..) => emit_gpu::record(system),
    };
    let is_system = !system.gpu.is_empty() && system.cpu.is_empty() && system.form == Form::Fields;
    let member = (!is_system).then(|| member(system));
    let finds = (system.form == Form::Registry).then(|| finds(system));
    quote!(#access #acts #member #finds)
}

/// What a schedule compares while it is compiled.
fn finds(system: &System) -> TokenStream {
    let touches = system.cpu.iter().map(|touch| {
        let type_name = text(&touch.data);
        let instance = option(touch.place.instance());
        let mode = mode(touch.direction);
        quote! {
            ::vulkio::derived::Touch {
                identity: ::core::concat!(::core::module_path!(), "::", #type_name),
                type_name: #type_name,
                instance: #instance,
                mode: ::vulkio::Mode::#mode,
            }
        }
    });
    let name = &system.said.name;
    let body = quote! {
        const TOUCHED: ::vulkio::derived::Touched = ::vulkio::derived::Touched {
            name: #name,
            gpu: [
                <Self as ::vulkio::GpuResourceAccess>::GPU_READS,
                <Self as ::vulkio::GpuResourceAccess>::GPU_WRITES,
            ],
            cpu: &[#(#touches),*],
        };
    };
    implement(system, &quote!(::vulkio::derived::Finds), &body)
}

pub(super) fn mode(direction: Direction) -> Ident {
    match direction {
        Direction::Reads => format_ident!("Read"),
        Direction::Writes => format_ident!("Write"),
    }
}

/// `Some(value)` or `None`.
pub(super) fn option(value: Option<impl ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// `impl Trait for Struct<..> { body }`.
pub(super) fn implement(system: &System, of: &TokenStream, body: &TokenStream) -> TokenStream {
    let ident = &system.ident;
    let (generics, arguments, clause) = system.generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #generics #of for #ident #arguments #clause { #body }
    }
}

/// What it touches, known from its type.
fn access(system: &System) -> TokenStream {
    let name = &system.said.name;
    let [reads, writes] = [Direction::Reads, Direction::Writes].map(|direction| emit_gpu::metas(system, direction));
    let gpu = quote! {
        const GPU_READS: &'static [::vulkio::GpuResourceMeta] =
            &::vulkio::derived::staged([#(#reads),*], <Self as ::vulkio::GpuResourceAccess>::GPU_WRITES);
        const GPU_WRITES: &'static [::vulkio::GpuResourceMeta] = &::vulkio::derived::staged_writes([#(#writes),*]);
        const NAME: &'static str = #name;
    };
    let [reads, writes] = [Direction::Reads, Direction::Writes].map(|direction| {
        let metas = system.cpu_of(direction).map(emit_cpu::meta);
        quote!(::std::vec![#(#metas),*])
    });
    let cpu = quote! {
        fn reads() -> ::std::vec::Vec<::vulkio::CpuResourceMeta> { #reads }
        fn writes() -> ::std::vec::Vec<::vulkio::CpuResourceMeta> { #writes }
    };
    let gpu = implement(system, &quote!(::vulkio::GpuResourceAccess), &gpu);
    let cpu = implement(system, &quote!(::vulkio::ResourceAccess), &cpu);
    quote!(#gpu #cpu)
}

/// The queue it asks for.
pub(super) fn queue(system: &System) -> Option<TokenStream> {
    let queue = system.said.queue.as_ref()?;
    Some(quote! {
        fn queue(&self) -> ::core::option::Option<::vulkio::QueueKind> {
            ::core::option::Option::Some(::vulkio::QueueKind::#queue)
        }
    })
}

/// A system that is more than a [`vulkio::System`], for schedules.
fn member(system: &System) -> TokenStream {
    let name = &system.said.name;
    let (queue, bind) = (queue(system), bind(system));
    let act = if system.gpu.is_empty() { format_ident!("Cpu") } else { format_ident!("Gpu") };
    let body = quote! {
        fn name(&self) -> &str { #name }
        #queue
        #[allow(unused_variables)]
        fn bind(&self, registry: &::vulkio::Registry, to: &mut ::vulkio::Binding) -> ::vulkio::Result<()> {
            #bind
            ::vulkio::Result::Ok(())
        }
        fn act(&self) -> ::vulkio::Act<'_> { ::vulkio::Act::#act(self) }
    };
    implement(system, &quote!(::vulkio::Member), &body)
}

fn bind(system: &System) -> TokenStream {
    let mut handles = Handles::default();
    let mut steps = Vec::new();
    for direction in [Direction::Reads, Direction::Writes] {
        for (index, touch) in system.of(direction).enumerate() {
            let place = handles.place(&touch.place, &touch.ty, &mut steps);
            let uses = quote!(to.uses());
            steps.push(emit_gpu::declare(touch, index, &uses, &place));
        }
        for touch in system.cpu_of(direction) {
            let data = &touch.data;
            let ty = quote_spanned!(data.span()=> ::vulkio::CpuData<#data>);
            let place = handles.place(&touch.place, &ty, &mut steps);
            let meta = emit_cpu::meta(touch);
            let mode = mode(direction);
            steps.push(quote!(to.cpu(#meta, ::vulkio::Mode::#mode, #place);));
        }
    }
    quote!(#(#steps)*)
}

/// What was found in the registry so far.
#[derive(Default)]
struct Handles(Vec<(String, Option<String>)>);

impl Handles {
    /// A reference to the resource; if it is one of the registry's, found first.
    fn place(&mut self, place: &Place, ty: &impl ToTokens, steps: &mut Vec<TokenStream>) -> TokenStream {
        let instance = match place {
            Place::Field(member) => {
                let span = ty
                    .to_token_stream()
                    .into_iter()
                    .next()
                    .map_or_else(proc_macro2::Span::call_site, |token| token.span());
                return quote_spanned!(span=> &self.#member);
            }
            Place::Registry(instance) => instance.as_ref(),
        };
        let key = (text(ty), instance.map(syn::LitStr::value));
        let known = self.0.iter().position(|one| *one == key);
        let variable = format_ident!("found_{}", known.unwrap_or(self.0.len()));
        if known.is_none() {
            self.0.push(key);
            let named = option(instance);
            let find = match instance {
                Some(name) => quote!(registry.get_named::<#ty>(#name)?),
                None => quote!(registry.get::<#ty>()?),
            };
            steps.push(quote! {
                let #variable = #find;
                ::vulkio::derived::found(to, #named, &#variable);
            });
        }
        quote!(&#variable)
    }
}
