//! The derives of `vulkio`, which re-exports them and documents them with the traits of the same names.

use proc_macro::TokenStream;

/// See `vulkio::GpuData`.
#[proc_macro_derive(GpuData, attributes(role))]
pub fn gpu_data(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// See `vulkio::System`.
#[proc_macro_derive(System, attributes(reads, writes, ignored, system))]
pub fn system(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}

/// See `vulkio::Schedule`.
#[proc_macro_derive(Schedule, attributes(stage))]
pub fn schedule(_input: TokenStream) -> TokenStream {
    TokenStream::new()
}
