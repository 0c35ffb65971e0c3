//! The implementation of a schedule, and what is checked while it is compiled.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Index, Type, ext::IdentExt, spanned::Spanned};

use super::{
    order::Order,
    stage::{Members, Stage},
};
use crate::shape::{mentions, this_at};

pub(super) fn emit(input: &DeriveInput, stages: &[Stage], order: &Order) -> TokenStream {
    let (ident, name) = (&input.ident, input.ident.unraw().to_string());
    let (generics, arguments, clause) = input.generics.split_for_impl();
    let declared = stages.iter().map(declared);
    let members = stages.iter().enumerate().map(|(index, stage)| found(index, stage));
    let checks = conflicts(input, stages, order);
    quote! {
        #[automatically_derived]
        impl #generics ::vulkio::Schedule for #ident #arguments #clause {
            const NAME: &'static str = #name;
            const STAGES: &'static [::vulkio::Stage] = &[#(#declared),*];
            fn member(&self, stage: usize, index: usize) -> ::core::option::Option<&dyn ::vulkio::Member> {
                match (stage, index) {
                    #(#members)*
                    _ => ::core::option::Option::None,
                }
            }
        }
        #checks
    }
}

fn declared(stage: &Stage) -> TokenStream {
    let Stage { name, after, .. } = stage;
    let members = match &stage.members {
        Members::Tuple(types) => {
            let count = types.len();
            quote!(#count)
        }
        Members::One(ty) => quote_spanned!(ty.span()=> <#ty as ::vulkio::Members>::COUNT),
    };
    quote!(::vulkio::Stage { name: #name, after: &[#(#after),*], members: #members })
}

/// Of a tuple each by itself, so that one which is no system is shown.
fn found(stage_index: usize, stage: &Stage) -> TokenStream {
    let (field, index_of) = (&stage.field, quote!(index));
    match &stage.members {
        Members::Tuple(types) => types
            .iter()
            .enumerate()
            .map(|(index, ty)| {
                let place = Index::from(index);
                let this = this_at(ty.span());
                let member = quote_spanned!(ty.span()=> ::vulkio::derived::member::<#ty>(&#this.#field.#place));
                quote!((#stage_index, #index) => ::core::option::Option::Some(#member),)
            })
            .collect(),
        Members::One(ty) => {
            let this = this_at(ty.span());
            let member = quote_spanned!(ty.span()=> <#ty as ::vulkio::Members>::get(&#this.#field, #index_of));
            quote!((#stage_index, _) => #member,)
        }
    }
}

/// Each system against those before it that nothing puts into an order with it.
fn conflicts(input: &DeriveInput, stages: &[Stage], order: &Order) -> TokenStream {
    let all: Vec<_> = stages
        .iter()
        .enumerate()
        .flat_map(|(index, stage)| {
            // What depends on a parameter is not known here.
            let concrete = stage.members.types().iter().filter(|ty| !mentions(ty, &input.generics));
            concrete.map(move |ty| (index, ty))
        })
        .collect();
    let checks = all.iter().enumerate().filter_map(|(index, &(stage, ty))| {
        let unordered: Vec<_> =
            all[..index].iter().filter(|&&(earlier, _)| !order.is_known(earlier, stage)).copied().collect();
        conflict(stages, (stage, ty), &unordered)
    });
    checks.collect()
}

fn conflict(stages: &[Stage], (stage, ty): (usize, &Type), unordered: &[(usize, &Type)]) -> Option<TokenStream> {
    if unordered.is_empty() {
        return None;
    }
    let touched = |(stage, ty): (usize, &Type)| {
        let name = &stages[stage].name;
        quote!((#name, ::vulkio::derived::TouchProbe::<#ty>::TOUCHED))
    };
    let (one, others) = (touched((stage, ty)), unordered.iter().map(|&other| touched(other)));
    let panic = quote_spanned!(ty.span()=> ::core::panic!("{}", ::vulkio::derived::text(&TEXT)));
    Some(quote! {
        const _: () = {
            #[allow(unused_imports)] // where all of them are derived
            use ::vulkio::derived::NotTouched as _;
            const CONFLICT: ::vulkio::derived::Conflict = ::vulkio::derived::conflict(#one, &[#(#others),*]);
            const TEXT: [u8; CONFLICT.len()] = CONFLICT.bytes();
            if !TEXT.is_empty() {
                #panic
            }
        };
    })
}
