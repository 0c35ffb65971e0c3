//! The vertex input of a graphics pipeline: what is fetched for its vertex shader.

use std::mem::size_of;

use ash::vk;

use crate::resource::VertexData;

/// One buffer that is fetched from: the size of its elements, and the format and offset of their fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fetched {
    stride: usize,
    attributes: &'static [(vk::Format, usize)],
}

impl Fetched {
    pub(crate) fn of<V: VertexData>() -> Self {
        Self { stride: size_of::<V>(), attributes: V::ATTRIBUTES }
    }
}

/// What a pipeline fetches: for each vertex, and for each instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Fetches {
    pub(crate) vertices: Option<Fetched>,
    pub(crate) instances: Option<Fetched>,
}

/// The binding of vertices.
pub(crate) const VERTICES: u32 = 0;
/// The binding of instances.
pub(crate) const INSTANCES: u32 = 1;

impl Fetches {
    /// With their bindings.
    fn each(&self) -> impl Iterator<Item = (u32, &Fetched)> {
        let vertices = self.vertices.iter().map(|fetched| (VERTICES, fetched));
        vertices.chain(self.instances.iter().map(|fetched| (INSTANCES, fetched)))
    }

    /// Whether a device of these limits can fetch it; else what is wrong.
    pub(crate) fn check(&self, limits: &vk::PhysicalDeviceLimits) -> Result<(), String> {
        let count: usize = self.each().map(|(_, fetched)| fetched.attributes.len()).sum();
        if count > limits.max_vertex_input_attributes as usize {
            let most = limits.max_vertex_input_attributes;
            return Err(format!("{count} vertex attributes; this device takes at most {most}"));
        }
        self.each().try_for_each(|(_, fetched)| fetched.check(limits))
    }

    pub(crate) fn bindings(&self) -> Vec<vk::VertexInputBindingDescription> {
        let rate = |binding| match binding {
            VERTICES => vk::VertexInputRate::VERTEX,
            _ => vk::VertexInputRate::INSTANCE,
        };
        let description = |(binding, fetched): (u32, &Fetched)| {
            vk::VertexInputBindingDescription::default()
                .binding(binding)
                .stride(fetched.stride as u32)
                .input_rate(rate(binding))
        };
        self.each().map(description).collect()
    }

    /// Those of instances have the locations that follow those of vertices.
    pub(crate) fn attributes(&self) -> Vec<vk::VertexInputAttributeDescription> {
        let all =
            self.each().flat_map(|(binding, fetched)| fetched.attributes.iter().map(move |field| (binding, field)));
        let description = |(location, (binding, &(format, offset)))| {
            vk::VertexInputAttributeDescription::default()
                .location(location)
                .binding(binding)
                .format(format)
                .offset(offset as u32)
        };
        (0..).zip(all).map(description).collect()
    }
}

impl Fetched {
    fn check(&self, limits: &vk::PhysicalDeviceLimits) -> Result<(), String> {
        let Self { stride, attributes } = *self;
        if attributes.is_empty() {
            return Err("vertex data without a field".into());
        }
        if stride > limits.max_vertex_input_binding_stride as usize {
            let most = limits.max_vertex_input_binding_stride;
            return Err(format!("vertex data of {stride} bytes; this device takes at most {most}"));
        }
        for &(format, offset) in attributes {
            let Some((size, aligned)) = layout(format) else {
                return Err(format!("vertex data with a field of {format:?}, which no `AttributeFormat` has"));
            };
            if offset + size > stride || offset > limits.max_vertex_input_attribute_offset as usize {
                return Err(format!("vertex data of {stride} bytes with a {format:?} at byte {offset}"));
            }
            // "each attribute's address must be aligned to the size of its format's components"
            if !offset.is_multiple_of(aligned) || !stride.is_multiple_of(aligned) {
                return Err(format!(
                    "vertex data of {stride} bytes with a {format:?} at byte {offset}; both must be multiples of {aligned}: no \
                     `repr(packed)`"
                ));
            }
        }
        Ok(())
    }
}

/// The bytes of a texel of this format, and of one of its components.
fn layout(format: vk::Format) -> Option<(usize, usize)> {
    use vk::Format as F;
    Some(match format {
        F::R32_SFLOAT | F::R32_UINT | F::R32_SINT => (4, 4),
        F::R32G32_SFLOAT | F::R32G32_UINT | F::R32G32_SINT => (8, 4),
        F::R32G32B32_SFLOAT | F::R32G32B32_UINT | F::R32G32B32_SINT => (12, 4),
        F::R32G32B32A32_SFLOAT | F::R32G32B32A32_UINT | F::R32G32B32A32_SINT => (16, 4),
        F::R8G8B8A8_UNORM => (4, 1),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: vk::PhysicalDeviceLimits = {
        // SAFETY: plain numbers, of which zero is one.
        let mut limits: vk::PhysicalDeviceLimits = unsafe { std::mem::zeroed() };
        limits.max_vertex_input_attributes = 4;
        limits.max_vertex_input_binding_stride = 64;
        limits.max_vertex_input_attribute_offset = 32;
        limits
    };
    const F32: vk::Format = vk::Format::R32_SFLOAT;

    fn check(stride: usize, attributes: &'static [(vk::Format, usize)]) -> Result<(), String> {
        Fetches { vertices: Some(Fetched { stride, attributes }), instances: None }.check(&LIMITS)
    }

    #[test]
    fn instances_have_the_locations_after_the_vertices() {
        let vertices = Some(Fetched { stride: 8, attributes: &[(F32, 0), (F32, 4)] });
        let instances = Some(Fetched { stride: 4, attributes: &[(F32, 0)] });
        let fetches = Fetches { vertices, instances };
        let places: Vec<_> = fetches.attributes().iter().map(|it| (it.location, it.binding, it.offset)).collect();
        assert_eq!(places, [(0, VERTICES, 0), (1, VERTICES, 4), (2, INSTANCES, 0)]);
        let rates: Vec<_> = fetches.bindings().iter().map(|it| (it.binding, it.stride, it.input_rate)).collect();
        assert_eq!(rates, [(VERTICES, 8, vk::VertexInputRate::VERTEX), (INSTANCES, 4, vk::VertexInputRate::INSTANCE)]);
        assert_eq!(fetches.check(&LIMITS), Ok(()));
        assert_eq!((Fetches::default().bindings().len(), Fetches::default().check(&LIMITS)), (0, Ok(())));
    }

    #[test]
    fn what_a_device_cannot_fetch_is_refused_with_its_figures() {
        const MANY: &[(vk::Format, usize)] = &[(F32, 0), (F32, 4), (F32, 8), (F32, 12), (F32, 16)];
        for (stride, attributes, said) in [
            (8, &[][..], "without a field"),
            (68, &[(F32, 0)], "at most 64"),
            (20, MANY, "5 vertex attributes"),
            (8, &[(F32, 8)], "at byte 8"),
            (64, &[(F32, 40)], "at byte 40"),
            (9, &[(F32, 0)], "multiples of 4"),
            (8, &[(F32, 2)], "multiples of 4"),
            (8, &[(vk::Format::R16_SFLOAT, 0)], "R16_SFLOAT"),
        ] {
            let error = check(stride, attributes).expect_err(said);
            assert!(error.contains(said), "{error}");
        }
        assert_eq!(check(5, &[(vk::Format::R8G8B8A8_UNORM, 1)]), Ok(()));
    }
}
