//! The implementations of a system.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{LitStr, spanned::Spanned};

use super::{
    emit_cpu, emit_gpu,
    model::{CpuTouch, Form, GpuTouch, Place, System},
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
    let (queue, bind, outline) = (queue(system), bind(system), outline(system));
    let act = if system.gpu.is_empty() { format_ident!("Cpu") } else { format_ident!("Gpu") };
    let body = quote! {
        fn name(&self) -> &str { #name }
        #queue
        #[allow(unused_variables)]
        fn bind(&self, registry: &::vulkio::Registry, to: &mut ::vulkio::Binding) -> ::vulkio::Result<()> {
            #bind
            ::vulkio::Result::Ok(())
        }
        #[allow(unused_variables)]
        fn outline(&self, to: &mut ::vulkio::Outline) { #outline }
        fn act(&self) -> ::vulkio::Act<'_> { ::vulkio::Act::#act(self) }
    };
    implement(system, &quote!(::vulkio::Member), &body)
}

/// What it touches of the GPU where there is no registry.
fn outline(system: &System) -> TokenStream {
    match system.form {
        Form::Fields => emit_gpu::declare_fields(system, &quote!(to.uses())),
        Form::Registry => quote! {
            to.system(
                <Self as ::vulkio::GpuResourceAccess>::GPU_READS,
                <Self as ::vulkio::GpuResourceAccess>::GPU_WRITES,
            );
        },
    }
}

/// Finds what it touches, and declares it: on the GPU, then on the CPU.
fn bind(system: &System) -> TokenStream {
    let both = [Direction::Reads, Direction::Writes];
    let gpu = match system.form {
        Form::Fields => emit_gpu::declare_fields(system, &quote!(to.uses())),
        Form::Registry => both.iter().flat_map(|&direction| system.of(direction).enumerate().map(found)).collect(),
    };
    let cpu = both.iter().flat_map(|&direction| system.cpu_of(direction).map(cpu_data));
    quote!(#gpu #(#cpu)*)
}

/// A GPU resource of a registry.
fn found((index, touch): (usize, &GpuTouch)) -> TokenStream {
    let handle = get(touch.place.instance(), &touch.ty);
    let meta = emit_gpu::meta_at(touch, index);
    let declared = emit_gpu::declare(touch, index, &quote!(to.uses()), &quote!(&found));
    quote! {
        let found = #handle;
        #declared
        to.found(#meta, found);
    }
}

fn cpu_data(touch: &CpuTouch) -> TokenStream {
    let data = &touch.data;
    let place = match &touch.place {
        Place::Field(member) => quote!(self.#member),
        Place::Registry(instance) => get(instance.as_ref(), &quote_spanned!(data.span()=> ::vulkio::CpuData<#data>)),
    };
    let (meta, mode) = (emit_cpu::meta(touch), mode(touch.direction));
    quote!(to.cpu(#meta, ::vulkio::Mode::#mode, &#place);)
}

fn get(instance: Option<&LitStr>, ty: &impl ToTokens) -> TokenStream {
    match instance {
        Some(name) => quote!(registry.get_named::<#ty>(#name)?),
        None => quote!(registry.get::<#ty>()?),
    }
}
