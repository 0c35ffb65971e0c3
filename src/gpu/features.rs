//! Device features: those vulkio cannot do without, and those it uses where they exist.

use std::{ffi::CStr, ptr};

use ash::{ext, khr, vk};

use super::cooperative::{self, BFLOAT16_NAME};

/// The Vulkan version that a device must have.
pub(crate) const API_VERSION: u32 = vk::API_VERSION_1_3;

/// The features of Vulkan 1.0 to 1.3, as supported or as to be enabled. No structure in it is chained to another.
#[derive(Clone, Copy, Default)]
pub(crate) struct FeatureSet {
    /// Whether cooperative matrices are to be enabled.
    cooperative: bool,
    core: vk::PhysicalDeviceFeatures,
    v11: vk::PhysicalDeviceVulkan11Features<'static>,
    v12: vk::PhysicalDeviceVulkan12Features<'static>,
    v13: vk::PhysicalDeviceVulkan13Features<'static>,
}

impl FeatureSet {
    /// What a device supports.
    ///
    /// # Safety
    ///
    /// `physical` must be a device of `instance` with Vulkan 1.3 or later.
    pub(crate) unsafe fn of(instance: &ash::Instance, physical: vk::PhysicalDevice) -> Self {
        let mut set = Self::default();
        let mut all = vk::PhysicalDeviceFeatures2::default()
            .push_next(&mut set.v11)
            .push_next(&mut set.v12)
            .push_next(&mut set.v13);
        // SAFETY: the caller's promise; a device of 1.3 knows each structure of the chain.
        unsafe { instance.get_physical_device_features2(physical, &mut all) };
        set.core = all.features;
        // The chain pointed at locals; they are about to move.
        (set.v11.p_next, set.v12.p_next, set.v13.p_next) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        set
    }

    /// What to enable on a device: everything required, and the optional ones that were found.
    pub(crate) fn to_enable(optional: &Features) -> Self {
        let mut set = required();
        optional.enable(&mut set);
        set.cooperative = optional.cooperative_bfloat16;
        set
    }

    /// Hands the set to `f` as the chain that `vkCreateDevice` takes.
    pub(crate) fn chained<R>(mut self, f: impl FnOnce(&mut vk::PhysicalDeviceFeatures2<'_>) -> R) -> R {
        let mut all = vk::PhysicalDeviceFeatures2::default()
            .features(self.core)
            .push_next(&mut self.v11)
            .push_next(&mut self.v12)
            .push_next(&mut self.v13);
        let mut cooperative = cooperative::ToEnable::new();
        if self.cooperative {
            all = cooperative.chained(all);
        }
        f(&mut all)
    }
}

/// From one table: the set of what is required, and what a device lacks of it, by Vulkan's names.
macro_rules! required {
    ($($part:ident.$field:ident $name:literal,)+) => {
        fn required() -> FeatureSet {
            let mut set = FeatureSet::default();
            $(set.$part.$field = vk::TRUE;)+
            set
        }

        /// The required features that are not in `have`, by Vulkan's names.
        pub(crate) fn lacking(have: &FeatureSet) -> Vec<&'static str> {
            let all = [$((have.$part.$field, $name),)+];
            all.into_iter().filter(|(has, _)| *has == vk::FALSE).map(|(_, name)| name).collect()
        }
    };
}

required! {
    core.shader_int64 "shaderInt64",
    v11.shader_draw_parameters "shaderDrawParameters",
    v12.buffer_device_address "bufferDeviceAddress",
    v12.draw_indirect_count "drawIndirectCount",
    v12.scalar_block_layout "scalarBlockLayout",
    v12.vulkan_memory_model "vulkanMemoryModel",
    v12.vulkan_memory_model_device_scope "vulkanMemoryModelDeviceScope",
    v12.subgroup_broadcast_dynamic_id "subgroupBroadcastDynamicId",
    v12.timeline_semaphore "timelineSemaphore",
    v12.host_query_reset "hostQueryReset",
    v13.synchronization2 "synchronization2",
    v13.dynamic_rendering "dynamicRendering",
    v13.maintenance4 "maintenance4",
}

/// From one table: the public structure, what of it a device supports, and how each is enabled: by bits, or, those after
/// `extensions`, by extensions.
macro_rules! optional {
    (
        $($(#[doc = $doc:literal])+ $name:ident: $($part:ident.$field:ident)&&+;)+
        extensions: $($(#[doc = $ext_doc:literal])+ $ext:ident: $($ext_name:expr),+;)+
    ) => {
        /// The optional features of a device. Each that the device has is enabled.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Features {
            $($(#[doc = $doc])+ pub $name: bool,)+
            $($(#[doc = $ext_doc])+ pub $ext: bool,)+
        }

        impl Features {
            /// Those whose bits are in `have`, and those whose extension the device `has`.
            pub(crate) fn supported(have: &FeatureSet, has: impl Fn(&CStr) -> bool) -> Self {
                Self { $($name: $(have.$part.$field == vk::TRUE)&&+,)+ $($ext: $(has($ext_name))&&+,)+ }
            }

            /// The extensions to enable.
            pub(crate) fn extensions(&self) -> impl Iterator<Item = &'static CStr> {
                [$($((self.$ext, $ext_name),)+)+].into_iter().filter_map(|(wanted, name)| wanted.then_some(name))
            }

            fn enable(&self, set: &mut FeatureSet) {
                $(if self.$name { $(set.$part.$field = vk::TRUE;)+ })+
            }
        }
    };
}

optional! {
    /// 64-bit atomics on buffers (`shaderBufferInt64Atomics`).
    buffer_int64_atomics: v12.shader_buffer_int64_atomics;
    /// 64-bit atomics on shared memory (`shaderSharedInt64Atomics`).
    shared_int64_atomics: v12.shader_shared_int64_atomics;
    /// Anisotropic filtering.
    sampler_anisotropy: core.sampler_anisotropy;
    /// Textures chosen by a number that is the same for a whole draw or workgroup, rather than known when the shader is
    /// compiled (`shaderSampledImageArrayDynamicIndexing`).
    texture_indexing: core.shader_sampled_image_array_dynamic_indexing;
    /// Samplers that take the minimum or maximum (`samplerFilterMinmax`).
    sampler_minmax: v12.sampler_filter_minmax;
    /// More than one draw per indirect command.
    multi_draw_indirect: core.multi_draw_indirect;
    /// Indirect draws whose first instance is not zero.
    draw_indirect_first_instance: core.draw_indirect_first_instance;
    /// Indices beyond 2²⁴ − 1 in index buffers (`fullDrawIndexUint32`).
    full_index_range: core.full_draw_index_uint32;
    /// One large table of sampled and storage images, indexed per invocation and updated while in use.
    descriptor_indexing: v12.descriptor_indexing
        && v12.runtime_descriptor_array
        && v12.shader_sampled_image_array_non_uniform_indexing
        && v12.shader_storage_image_array_non_uniform_indexing
        && v12.descriptor_binding_sampled_image_update_after_bind
        && v12.descriptor_binding_storage_image_update_after_bind
        && v12.descriptor_binding_update_unused_while_pending
        && v12.descriptor_binding_partially_bound;
    /// Buffer writes and atomics in vertex shaders.
    vertex_stores: core.vertex_pipeline_stores_and_atomics;
    /// Buffer writes and atomics in fragment shaders.
    fragment_stores: core.fragment_stores_and_atomics;
    /// Geometry shaders, and with them the primitive's number in fragment shaders.
    geometry_shader: core.geometry_shader;
    /// Different blending for each colour target.
    independent_blend: core.independent_blend;
    /// Lines and points in place of filled triangles.
    fill_mode_non_solid: core.fill_mode_non_solid;
    /// Depth values clamped in place of clipping.
    depth_clamp: core.depth_clamp;
    /// Queries of pipeline statistics.
    pipeline_statistics: core.pipeline_statistics_query;
    /// BC-compressed textures.
    texture_compression_bc: core.texture_compression_bc;
    /// `double` in shaders.
    shader_float64: core.shader_float64;
    /// Half floats in shader arithmetic.
    shader_float16: v12.shader_float16;
    /// 16-bit integers in shader arithmetic.
    shader_int16: core.shader_int16;
    /// 8-bit integers in shader arithmetic.
    shader_int8: v12.shader_int8;
    /// 16-bit values in storage buffers.
    storage_16bit: v11.storage_buffer16_bit_access;
    /// 8-bit values in storage buffers.
    storage_8bit: v12.storage_buffer8_bit_access;
    /// Subgroup operations on 8-, 16- and 64-bit integers and half floats.
    subgroup_extended_types: v12.shader_subgroup_extended_types;
    /// A shader can ask for a subgroup size, and for full subgroups.
    subgroup_size_control: v13.subgroup_size_control && v13.compute_full_subgroups;
    /// Helper invocations that stop writing without ending (`shaderDemoteToHelperInvocation`).
    demote_to_helper: v13.shader_demote_to_helper_invocation;

    extensions:
    /// The host's own memory as the source of copies (`VK_EXT_external_memory_host`): [`Gpu::import`](crate::Gpu::import).
    external_memory_host: ext::external_memory_host::NAME;
    /// Products of 16 × 16 × 16 `bfloat16` numbers by a subgroup, added up in `f32` (`VK_KHR_cooperative_matrix`,
    /// `VK_KHR_shader_bfloat16`): [`Precision::Emulated`](crate::compute::Precision::Emulated). Not under validation layers
    /// before 1.4.321, which do not know the latter.
    cooperative_bfloat16: khr::cooperative_matrix::NAME, BFLOAT16_NAME;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_with_just_the_required_features_lacks_nothing() {
        assert!(lacking(&required()).is_empty());
        assert_eq!(Features::supported(&required(), |_| false), Features::default());
    }

    #[test]
    fn a_feature_that_is_an_extension_is_had_and_enabled_by_its_name() {
        let had = Features::supported(&required(), |name| name == ext::external_memory_host::NAME);
        assert_eq!(had, Features { external_memory_host: true, ..Features::default() });
        assert_eq!(had.extensions().collect::<Vec<_>>(), [ext::external_memory_host::NAME]);
        assert_eq!(Features::default().extensions().count(), 0);
    }

    #[test]
    fn a_feature_of_two_extensions_needs_both_and_enables_both() {
        let names = [khr::cooperative_matrix::NAME, BFLOAT16_NAME];
        assert!(!Features::supported(&required(), |name| name == names[0]).cooperative_bfloat16);
        let had = Features::supported(&required(), |name| names.contains(&name));
        assert_eq!(had, Features { cooperative_bfloat16: true, ..Features::default() });
        assert_eq!(had.extensions().collect::<Vec<_>>(), names);
        FeatureSet::to_enable(&had).chained(|all| {
            let mut next: *const vk::BaseInStructure<'_> = all.p_next.cast();
            let mut length = 0;
            while !next.is_null() {
                length += 1;
                // SAFETY: every member of a Vulkan chain begins with a base structure.
                next = unsafe { (*next).p_next };
            }
            assert_eq!(length, 5);
        });
    }

    #[test]
    fn what_a_device_lacks_is_named_as_vulkan_names_it() {
        let mut have = required();
        have.v12.draw_indirect_count = vk::FALSE;
        have.v13.maintenance4 = vk::FALSE;
        assert_eq!(lacking(&have), ["drawIndirectCount", "maintenance4"]);
    }

    #[test]
    fn an_optional_feature_of_several_parts_needs_them_all() {
        let wanted = Features { descriptor_indexing: true, sampler_anisotropy: true, ..Features::default() };
        let mut set = FeatureSet::to_enable(&wanted);
        assert_eq!(Features::supported(&set, |_| false), wanted);
        set.v12.runtime_descriptor_array = vk::FALSE;
        assert!(!Features::supported(&set, |_| false).descriptor_indexing);
    }

    #[test]
    fn the_chain_carries_every_structure() {
        FeatureSet::to_enable(&Features::default()).chained(|all| {
            assert_eq!(all.features.shader_int64, vk::TRUE);
            let mut next: *const vk::BaseInStructure<'_> = all.p_next.cast();
            let mut length = 0;
            while !next.is_null() {
                length += 1;
                // SAFETY: every member of a Vulkan chain begins with a base structure.
                next = unsafe { (*next).p_next };
            }
            assert_eq!(length, 3);
        });
    }
}
