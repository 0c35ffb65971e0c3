//! The derives of `vulkio`, which re-exports them and documents them there.

mod data;
mod mistakes;
mod options;
mod schedule;
mod shape;
mod system;
mod text;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// The role of data that lives in GPU buffers.
#[proc_macro_derive(GpuData, attributes(role))]
pub fn gpu_data(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    data::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A system: what it touches, from its fields or its attributes.
#[proc_macro_derive(System, attributes(reads, writes, ignored, system))]
pub fn system(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    system::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// A schedule: systems in named stages.
#[proc_macro_derive(Schedule, attributes(stage))]
pub fn schedule(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    schedule::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
