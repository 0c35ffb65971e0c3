//! Cooperative matrices: small products that a subgroup makes together, on the device's matrix units.
//!
//! What vulkio uses of them is one shape: 16 × 16 × 16 products of `bfloat16` numbers, added up in `f32`
//! (`VK_KHR_cooperative_matrix`, `VK_KHR_shader_bfloat16`). A device that has the extensions need not have the shape.

use std::{ffi::CStr, ffi::c_void, marker::PhantomData, ptr};

use ash::{khr, vk};

/// An extension that is younger than the bindings.
pub(crate) const BFLOAT16_NAME: &CStr = c"VK_KHR_shader_bfloat16";
/// The first validation layer of which it is sure that it knows the extension: one of 1.4.309 takes structures that it does not know for
/// mistakes.
pub(crate) const LAYER_VERSION: u32 = vk::make_api_version(0, 1, 4, 321);
/// `VK_COMPONENT_TYPE_BFLOAT16_KHR`.
const BFLOAT16: vk::ComponentTypeKHR = vk::ComponentTypeKHR::from_raw(1_000_141_000);
/// Rows, columns and depth of the products.
const SIDE: u32 = 16;

/// `VkPhysicalDeviceShaderBfloat16FeaturesKHR`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Bfloat16Features<'a> {
    s_type: vk::StructureType,
    p_next: *mut c_void,
    shader_bfloat16_type: vk::Bool32,
    shader_bfloat16_dot_product: vk::Bool32,
    shader_bfloat16_cooperative_matrix: vk::Bool32,
    chained: PhantomData<&'a ()>,
}

impl Bfloat16Features<'_> {
    /// `VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_BFLOAT16_FEATURES_KHR`.
    const TYPE: vk::StructureType = vk::StructureType::from_raw(1_000_141_000);

    /// With its two features that matter here.
    const fn with(on: vk::Bool32) -> Self {
        Self {
            s_type: Self::TYPE,
            p_next: ptr::null_mut(),
            shader_bfloat16_type: on,
            shader_bfloat16_dot_product: vk::FALSE,
            shader_bfloat16_cooperative_matrix: on,
            chained: PhantomData,
        }
    }
}

// SAFETY: it begins as every structure of a chain does, and the specification lets it extend this one.
unsafe impl vk::ExtendsPhysicalDeviceFeatures2 for Bfloat16Features<'_> {}

/// The structures that enable the features, for the chain of `vkCreateDevice`.
pub(crate) struct ToEnable {
    matrices: vk::PhysicalDeviceCooperativeMatrixFeaturesKHR<'static>,
    bfloat16: Bfloat16Features<'static>,
}

impl ToEnable {
    pub(crate) fn new() -> Self {
        Self {
            matrices: vk::PhysicalDeviceCooperativeMatrixFeaturesKHR::default().cooperative_matrix(true),
            bfloat16: Bfloat16Features::with(vk::TRUE),
        }
    }

    pub(crate) fn chained<'a>(&'a mut self, all: vk::PhysicalDeviceFeatures2<'a>) -> vk::PhysicalDeviceFeatures2<'a> {
        all.push_next(&mut self.matrices).push_next(&mut self.bfloat16)
    }
}

/// Whether a device has the features and the shape.
///
/// # Safety
///
/// `physical` must be a device of `instance` with Vulkan 1.3 or later, and with both extensions.
pub(crate) unsafe fn has_bfloat16(entry: &ash::Entry, instance: &ash::Instance, physical: vk::PhysicalDevice) -> bool {
    let mut matrices = vk::PhysicalDeviceCooperativeMatrixFeaturesKHR::default();
    let mut bfloat16 = Bfloat16Features::with(vk::FALSE);
    let mut all = vk::PhysicalDeviceFeatures2::default().push_next(&mut matrices).push_next(&mut bfloat16);
    // SAFETY: the caller's promise; a device with the extensions knows both structures.
    unsafe { instance.get_physical_device_features2(physical, &mut all) };
    let mut stages = vk::PhysicalDeviceCooperativeMatrixPropertiesKHR::default();
    let mut properties = vk::PhysicalDeviceProperties2::default().push_next(&mut stages);
    // SAFETY: as above.
    unsafe { instance.get_physical_device_properties2(physical, &mut properties) };
    let has_features = matrices.cooperative_matrix != vk::FALSE
        && bfloat16.shader_bfloat16_type != vk::FALSE
        && bfloat16.shader_bfloat16_cooperative_matrix != vk::FALSE
        && stages.cooperative_matrix_supported_stages.contains(vk::ShaderStageFlags::COMPUTE);
    let functions = khr::cooperative_matrix::Instance::new(entry, instance);
    // SAFETY: as above. What the driver refuses to say is taken for nothing.
    has_features
        && unsafe { functions.get_physical_device_cooperative_matrix_properties(physical) }
            .is_ok_and(|shapes| shapes.iter().any(is_ours))
}

fn is_ours(shape: &vk::CooperativeMatrixPropertiesKHR<'_>) -> bool {
    let sums = vk::ComponentTypeKHR::FLOAT32;
    [shape.m_size, shape.n_size, shape.k_size] == [SIDE; 3]
        && [shape.a_type, shape.b_type] == [BFLOAT16; 2]
        && [shape.c_type, shape.result_type] == [sums; 2]
        && shape.scope == vk::ScopeKHR::SUBGROUP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_shape_that_the_kernels_are_written_for_is_taken() {
        let shape = vk::CooperativeMatrixPropertiesKHR::default()
            .m_size(16)
            .n_size(16)
            .k_size(16)
            .a_type(BFLOAT16)
            .b_type(BFLOAT16)
            .c_type(vk::ComponentTypeKHR::FLOAT32)
            .result_type(vk::ComponentTypeKHR::FLOAT32)
            .scope(vk::ScopeKHR::SUBGROUP);
        assert!(is_ours(&shape));
        assert!(!is_ours(&shape.n_size(8)));
        assert!(!is_ours(&shape.a_type(vk::ComponentTypeKHR::FLOAT16)));
        assert!(!is_ours(&shape.result_type(BFLOAT16)));
        assert!(!is_ours(&shape.scope(vk::ScopeKHR::WORKGROUP)));
    }

    #[test]
    fn what_is_enabled_is_chained_and_says_what_it_is() {
        let mut to_enable = ToEnable::new();
        let all = to_enable.chained(vk::PhysicalDeviceFeatures2::default());
        let mut kinds = Vec::new();
        let mut next: *const vk::BaseInStructure<'_> = all.p_next.cast();
        while !next.is_null() {
            // SAFETY: every member of a Vulkan chain begins with a base structure.
            unsafe {
                kinds.push((*next).s_type);
                next = (*next).p_next;
            }
        }
        let matrices = vk::StructureType::PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR;
        assert!(kinds.len() == 2 && kinds.contains(&matrices) && kinds.contains(&Bfloat16Features::TYPE), "{kinds:?}");
    }
}
