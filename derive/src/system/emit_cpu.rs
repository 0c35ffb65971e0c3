//! Of a system with CPU data: its metadata, and its job.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{
    emit::{implement, option},
    model::{CpuTouch, System},
    way::Direction,
};
use crate::text::text;

pub(super) fn meta(touch: &CpuTouch) -> TokenStream {
    let data = &touch.data;
    let type_name = text(data);
    let (field, instance) = (option(touch.place.field()), option(touch.place.instance()));
    quote_spanned!(data.span()=> ::vulkio::derived::cpu_meta::<#data>(#type_name, #field, #instance))
}

/// A system of CPU data alone.
pub(super) fn run(system: &System) -> TokenStream {
    let [reads, writes] = [Direction::Reads, Direction::Writes].map(|direction| references(system, direction));
    let access = quote! {
        type Reads<'a> = #reads;
        type Writes<'a> = #writes;
    };
    let [reads, writes] = [Direction::Reads, Direction::Writes].map(|direction| taken(system, direction));
    // Its missing is shown at the struct; the names are those of the function below.
    let arguments = quote!(self, reads, writes);
    let run = quote_spanned!(system.ident.span()=> <Self as ::vulkio::Run>::run(#arguments));
    let body = quote! {
        fn run<'a>(
            &'a self,
            guards: &'a mut ::vulkio::Guards,
        ) -> ::vulkio::derived::BoxFuture<'a, ::vulkio::Result<()>> {
            ::std::boxed::Box::pin(async move {
                let mut data = guards.each();
                let reads = #reads;
                let writes = #writes;
                #run.await
            })
        }
    };
    let access = implement(system, &quote!(::vulkio::CpuAccess), &access);
    let member = implement(system, &quote!(::vulkio::CpuMember), &body);
    quote!(#access #member)
}

/// The type of the references: nothing, one, or a tuple.
fn references(system: &System, direction: Direction) -> TokenStream {
    let all: Vec<_> = system
        .cpu_of(direction)
        .map(|touch| {
            let data = &touch.data;
            match direction {
                Direction::Reads => quote!(&'a #data),
                Direction::Writes => quote!(&'a mut #data),
            }
        })
        .collect();
    one_or_tuple(&all)
}

/// The references, from the guards in their order.
fn taken(system: &System, direction: Direction) -> TokenStream {
    let all: Vec<_> = system
        .cpu_of(direction)
        .map(|touch| {
            let data = &touch.data;
            match direction {
                Direction::Reads => quote!(data.read::<#data>()?),
                Direction::Writes => quote!(data.write::<#data>()?),
            }
        })
        .collect();
    one_or_tuple(&all)
}

fn one_or_tuple(all: &[TokenStream]) -> TokenStream {
    match all {
        [one] => one.clone(),
        all => quote!((#(#all),*)),
    }
}
