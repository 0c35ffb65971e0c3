//! The descriptor sets through which shaders sample textures.
//!
//! A set is an array of combined image samplers: those of one pass, in the order in which it asked for them, and the first
//! of them in all places that are left, so that every descriptor is valid. It holds nothing that the pass did not declare:
//! all its images are in the layout to be sampled in while the pass runs, and none is written meanwhile.
//!
//! Sets are not changed while work in flight may use them. One that was written is found again by what it holds, so frames
//! that are like earlier ones write no descriptors.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use ash::vk;

use crate::{
    error::{During, Error, Result},
    gpu::{counters::Counters, device::Device},
    resource::image::SampledView,
    sync::prim::lock,
};

/// The constant by which shaders learn how many textures a set has.
pub(crate) const COUNT_CONSTANT: u32 = 1000;
/// What every device has for a stage, and what shaders that choose by `switch` go through.
const LEAST: u32 = 16;
/// Of more a pass has little use, and each is a descriptor to write.
const MOST: u32 = 256;
/// Sets of a pool.
const POOL: u32 = 8;
/// Sets that are kept for passes to come, which nobody uses at present.
const MOST_KEPT: usize = 1024;

/// What is in one place of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Bound {
    pub(crate) view: SampledView,
    pub(crate) sampler: vk::Sampler,
}

/// The sets of a device.
pub(crate) struct TextureSets {
    device: Arc<Device>,
    layout: vk::DescriptorSetLayout,
    /// Textures of each set.
    len: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pools: Vec<vk::DescriptorPool>,
    /// That nobody uses, with what they hold.
    free: Vec<Written>,
    kept: HashMap<Box<[Bound]>, Kept>,
    /// Counts the times that somebody asked.
    now: u64,
}

struct Kept {
    set: Arc<TextureSet>,
    /// When somebody last asked for it.
    asked: u64,
}

/// A set, and by place what was written to it last.
struct Written {
    raw: vk::DescriptorSet,
    holds: Vec<Bound>,
}

/// A set that is not changed as long as somebody holds it.
pub(crate) struct TextureSet {
    written: Option<Written>,
    sets: Weak<TextureSets>,
}

impl TextureSet {
    pub(crate) fn raw(&self) -> vk::DescriptorSet {
        self.written.as_ref().map_or(vk::DescriptorSet::null(), |written| written.raw)
    }
}

impl Drop for TextureSet {
    fn drop(&mut self) {
        if let (Some(written), Some(sets)) = (self.written.take(), self.sets.upgrade()) {
            lock(&sets.state).free.push(written);
        }
    }
}

impl TextureSets {
    /// # Errors
    /// What the driver says.
    pub(crate) fn new(device: Arc<Device>) -> Result<Arc<Self>> {
        let len = len_on(&device);
        let binding = [vk::DescriptorSetLayoutBinding::default()
            .binding(0)
            .descriptor_type(vk::DescriptorType::COMBINED_IMAGE_SAMPLER)
            .descriptor_count(len)
            .stage_flags(
                vk::ShaderStageFlags::VERTEX | vk::ShaderStageFlags::FRAGMENT | vk::ShaderStageFlags::COMPUTE,
            )];
        let info = vk::DescriptorSetLayoutCreateInfo::default().bindings(&binding);
        // SAFETY: the structure is valid, and as many are within the device's limits.
        let layout = unsafe { device.raw.create_descriptor_set_layout(&info, None) };
        let layout = layout.during("vkCreateDescriptorSetLayout")?;
        Ok(Arc::new(Self { device, layout, len, state: Mutex::default() }))
    }

    pub(crate) fn layout(&self) -> vk::DescriptorSetLayout {
        self.layout
    }

    /// Textures of each set.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// What a shader that has such a constant is told of them.
    pub(crate) fn constant(&self) -> (vk::SpecializationMapEntry, [u8; 4]) {
        let entry = vk::SpecializationMapEntry { constant_id: COUNT_CONSTANT, offset: 0, size: 4 };
        (entry, self.len.to_ne_bytes())
    }

    /// The set that holds these, at least one and as many as there are places at most.
    ///
    /// # Errors
    /// What the driver says.
    pub(crate) fn get(self: &Arc<Self>, bound: &[Bound]) -> Result<Arc<TextureSet>> {
        let mut state = lock(&self.state);
        state.now += 1;
        let now = state.now;
        if let Some(kept) = state.kept.get_mut(bound) {
            kept.asked = now;
            return Ok(Arc::clone(&kept.set));
        }
        let mut written = match state.free.pop() {
            Some(written) => written,
            None => self.allocate(&mut state)?,
        };
        self.write(&mut written, bound);
        let set = Arc::new(TextureSet { written: Some(written), sets: Arc::downgrade(self) });
        state.kept.insert(bound.into(), Kept { set: Arc::clone(&set), asked: now });
        let old = state.surplus();
        drop(state);
        drop(old); // which takes the lock
        Ok(set)
    }

    /// Views with these numbers are gone, and so nobody uses what holds them.
    pub(crate) fn forget(&self, is_gone: impl Fn(u64) -> bool) {
        let mut state = lock(&self.state);
        let gone: Vec<_> =
            state.kept.extract_if(|bound, _| bound.iter().any(|bound| is_gone(bound.view.number))).collect();
        drop(state);
        drop(gone);
    }

    fn allocate(&self, state: &mut State) -> Result<Written> {
        let sizes = [vk::DescriptorPoolSize {
            ty: vk::DescriptorType::COMBINED_IMAGE_SAMPLER,
            descriptor_count: self.len * POOL,
        }];
        let info = vk::DescriptorPoolCreateInfo::default().max_sets(POOL).pool_sizes(&sizes);
        // SAFETY: the structure is valid.
        let pool = unsafe { self.device.raw.create_descriptor_pool(&info, None) }.during("vkCreateDescriptorPool")?;
        let layouts = [self.layout; POOL as usize];
        let info = vk::DescriptorSetAllocateInfo::default().descriptor_pool(pool).set_layouts(&layouts);
        // SAFETY: the pool has room for as many sets of this layout.
        let made = unsafe { self.device.raw.allocate_descriptor_sets(&info) }.during("vkAllocateDescriptorSets");
        let sets = made.inspect_err(|_| {
            // SAFETY: it is new, and nothing came out of it.
            unsafe { self.device.raw.destroy_descriptor_pool(pool, None) };
        })?;
        state.pools.push(pool);
        let mut sets = sets.into_iter().map(|raw| Written { raw, holds: Vec::new() });
        let refused = || Error::Vulkan { call: "vkAllocateDescriptorSets".into(), result: vk::Result::ERROR_UNKNOWN };
        let first = sets.next().ok_or_else(refused)?;
        state.free.extend(sets);
        Ok(first)
    }

    /// Writes what a set does not hold yet.
    fn write(&self, written: &mut Written, bound: &[Bound]) {
        let Some(&rest) = bound.first() else { return };
        let wanted: Vec<_> = bound.iter().copied().chain(std::iter::repeat(rest)).take(self.len as usize).collect();
        let infos: Vec<_> = wanted.iter().map(image_info).collect();
        let runs = changed(&written.holds, &wanted);
        let writes: Vec<_> = runs
            .iter()
            .map(|run| {
                vk::WriteDescriptorSet::default()
                    .dst_set(written.raw)
                    .dst_binding(0)
                    .dst_array_element(run.start as u32)
                    .descriptor_type(vk::DescriptorType::COMBINED_IMAGE_SAMPLER)
                    .image_info(&infos[run.clone()])
            })
            .collect();
        // SAFETY: nobody holds the set, so no command that uses it is in flight; all views and samplers are alive.
        unsafe { self.device.raw.update_descriptor_sets(&writes, &[]) };
        let count: usize = runs.iter().map(ExactSizeIterator::len).sum();
        Counters::add(&self.device.counters.descriptor_writes, count as u64);
        written.holds = wanted;
    }
}

impl State {
    /// Takes out what is more than is kept: of what nobody uses, that for which nobody asked for longest.
    fn surplus(&mut self) -> Vec<Kept> {
        let mut idle: Vec<_> = self.kept.values().filter(|kept| Arc::strong_count(&kept.set) == 1).collect();
        if idle.len() <= MOST_KEPT {
            return Vec::new();
        }
        idle.sort_unstable_by_key(|kept| kept.asked);
        let last = idle[idle.len() / 2].asked;
        let is_old = |kept: &mut Kept| kept.asked <= last && Arc::strong_count(&kept.set) == 1;
        self.kept.extract_if(|_, kept| is_old(kept)).map(|(_, kept)| kept).collect()
    }
}

impl Drop for TextureSets {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: submissions that use sets hold the pipeline layout, which holds these; the sets go with their pools.
        unsafe {
            state.pools.drain(..).for_each(|pool| self.device.raw.destroy_descriptor_pool(pool, None));
            self.device.raw.destroy_descriptor_set_layout(self.layout, None);
        }
    }
}

fn image_info(bound: &Bound) -> vk::DescriptorImageInfo {
    vk::DescriptorImageInfo::default()
        .image_view(bound.view.raw)
        .sampler(bound.sampler)
        .image_layout(vk::ImageLayout::SHADER_READ_ONLY_OPTIMAL)
}

/// The places at which a set that `holds` something does not hold what is wanted.
fn changed(holds: &[Bound], wanted: &[Bound]) -> Vec<std::ops::Range<usize>> {
    let differs: Vec<_> = wanted.iter().enumerate().map(|(place, bound)| holds.get(place) != Some(bound)).collect();
    let runs = differs.chunk_by(|a, b| a == b).scan(0, |start, run| {
        let range = *start..*start + run.len();
        *start = range.end;
        Some((run[0], range))
    });
    runs.filter(|(differs, _)| *differs).map(|(_, range)| range).collect()
}

/// How many textures a pass can have on a device. Where shaders cannot choose by a number, no more than they can name.
fn len_on(device: &Device) -> u32 {
    let limits = &device.info.limits;
    if !device.info.features.texture_indexing {
        return LEAST;
    }
    let others = limits.max_color_attachments + 1; // and the image that is stored to
    let all = [
        limits.max_per_stage_descriptor_samplers,
        limits.max_per_stage_descriptor_sampled_images,
        limits.max_per_stage_resources.saturating_sub(others),
        limits.max_descriptor_set_samplers,
        limits.max_descriptor_set_sampled_images,
    ];
    all.into_iter().fold(MOST, u32::min).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(numbers: &[u64]) -> Vec<Bound> {
        let one =
            |&number| Bound { view: SampledView { raw: vk::ImageView::null(), number }, sampler: vk::Sampler::null() };
        numbers.iter().map(one).collect()
    }

    #[test]
    fn only_what_a_set_does_not_hold_is_written() {
        let holds = bound(&[1, 2, 3, 4, 5]);
        assert_eq!(changed(&holds, &bound(&[1, 2, 3, 4, 5])), Vec::<std::ops::Range<usize>>::new());
        assert_eq!(changed(&holds, &bound(&[1, 7, 3, 8, 9])), [1..2, 3..5]);
        assert_eq!(changed(&[], &bound(&[1, 1])), std::slice::from_ref(&(0..2)));
    }
}
