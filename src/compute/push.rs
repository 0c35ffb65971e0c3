//! Push constants of vulkio's own kernels.

/// A struct of push constants whose fields are compared with what its shader expects, as `#[derive(GpuData)]` makes one outside of this
/// crate.
macro_rules! push_constants {
    ($(#[$attribute:meta])* struct $name:ident { $($field:ident: $type:ty,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        struct $name {
            $($field: $type,)+
        }

        impl $crate::resource::GpuData for $name {
            const ROLE: $crate::resource::Role = $crate::resource::Role::Storage;
            const LAYOUT: $crate::resource::layout::Layout = $crate::resource::layout::Layout::Fields(&[
                $((stringify!($field), std::mem::offset_of!($name, $field), &<$type as $crate::resource::GpuData>::LAYOUT),)+
            ]);
        }
    };
}
pub(super) use push_constants;
