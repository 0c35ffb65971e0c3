//! Compute shaders with typed push constants.

use std::{
    any::{TypeId, type_name},
    fmt,
    marker::PhantomData,
    sync::Arc,
};

use dashmap::DashMap;
use rustc_hash::FxBuildHasher;

use super::{Dispatch, dispatch::Push};
use crate::{
    error::{Error, Result},
    gpu::{DeviceInfo, Gpu},
    pipeline::{COUNT_CONSTANT, ComputeKey, ComputePipeline, MAX_PUSH_BYTES, Specialized, spirv_words},
    resource::{GpuData, layout},
    spirv::{self, Module},
};

/// A compute shader with push constants of type `P`, ready to dispatch. A cheap handle, made by [`Gpu::kernel`].
///
/// Buffers are reached by address, through the push constants: no descriptor is written, ever.
///
/// ```no_run
/// use bytemuck::{Pod, Zeroable};
/// use vulkio::{Gpu, GpuData};
///
/// #[derive(Clone, Copy, Pod, Zeroable, GpuData)]
/// #[role(storage)]
/// #[repr(C)]
/// struct Saxpy { x: u64, y: u64, a: f32, n: u32 }
///
/// # async fn example(gpu: &Gpu) -> vulkio::Result<()> {
/// # let spirv = &[];
/// let kernel = gpu.kernel::<Saxpy>("saxpy", spirv).await?;
/// let (x, y) = (gpu.buffer::<f32>("x", 1000)?, gpu.buffer::<f32>("y", 1000)?);
/// # let (xs, ys) = (vec![1.0; 1000], vec![1.0; 1000]);
/// gpu.upload(&x, 0, xs).await?;
/// gpu.upload(&y, 0, ys).await?;
/// let push = Saxpy { x: x.address(), y: y.address(), a: 2.0, n: 1000 };
/// kernel.over(&push, [1000, 1, 1]).reads(&x).writes(&y).await?; // done on the GPU
/// # Ok(()) }
/// ```
pub struct Kernel<P> {
    gpu: Gpu,
    made: Arc<Made>,
    name: Arc<str>,
    // The handle owns no `P`.
    push: PhantomData<fn(P)>,
}

/// A shader that was found to be what its push constants are for.
struct Made {
    pipeline: ComputePipeline,
    local_size: [u32; 3],
}

/// The kernels of a `Gpu`, so that each shader is looked at once.
#[derive(Default)]
pub(crate) struct Kernels {
    /// Hashed fast: a shader is some kilobytes, and who has no kernel at hand asks for one each time.
    made: DashMap<Key, Arc<Made>, FxBuildHasher>,
}

/// All that a kernel is made of.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    shader: Arc<[u32]>,
    options: KernelOptions,
    push: TypeId,
}

/// What a kernel is specialised to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct KernelOptions {
    /// By number, in their order.
    constants: Vec<(u32, u32)>,
    subgroup_size: Option<u32>,
}

impl KernelOptions {
    /// Sets a specialisation constant (`layout(constant_id = id)`) of 4 bytes, by its bits: `f32::to_bits` for a float, 0 or 1 for a
    /// `bool`. Said again, the last counts.
    #[must_use]
    pub fn constant(mut self, id: u32, bits: u32) -> Self {
        match self.constants.binary_search_by_key(&id, |constant| constant.0) {
            Ok(place) => self.constants[place].1 = bits,
            Err(place) => self.constants.insert(place, (id, bits)),
        }
        self
    }

    /// Asks for subgroups of so many invocations. It needs [`Features::subgroup_size_control`](crate::Features), and a size
    /// within [`DeviceInfo::subgroup_sizes`], which is a power of two. Subgroups are whole then, where the workgroup's width is a
    /// multiple of theirs.
    #[must_use]
    pub fn subgroup_size(mut self, invocations: u32) -> Self {
        self.subgroup_size = Some(invocations);
        self
    }
}

impl Gpu {
    /// Makes a kernel from SPIR-V with an entry point `main`. The same shader gives the same pipeline.
    ///
    /// The push constants that the shader declares are compared with `P`: each number must be where `P` has one of its kind. What
    /// `#[derive(GpuData)]` was not written on is taken as it is: a field whose type only implements `Pod` may hold what no type of Rust
    /// says, such as packed bytes or half floats.
    ///
    /// # Errors
    ///
    /// [`Error::Shader`] if it is no SPIR-V, if `P` is not what it expects or is larger than 128 bytes, or if the driver refuses it.
    ///
    /// # Cancel safety
    ///
    /// As [`compute_pipeline`](Self::compute_pipeline).
    pub async fn kernel<P: GpuData>(&self, name: &str, spirv: &[u8]) -> Result<Kernel<P>> {
        self.kernel_with(name, spirv, &KernelOptions::default()).await
    }

    /// As [`kernel`](Self::kernel), specialised.
    ///
    /// # Errors
    ///
    /// As [`kernel`](Self::kernel); [`Error::Shader`] as well if the shader has no such constant, or the device no such subgroups.
    ///
    /// # Cancel safety
    ///
    /// As [`compute_pipeline`](Self::compute_pipeline).
    pub async fn kernel_with<P: GpuData>(
        &self,
        name: &str,
        spirv: &[u8],
        options: &KernelOptions,
    ) -> Result<Kernel<P>> {
        let shader = spirv_words(name, spirv)?;
        let key = Key { shader: Arc::clone(&shader), options: options.clone(), push: TypeId::of::<P>() };
        let kept = self.shared.kernels.made.get(&key).map(|made| Arc::clone(&made));
        let made = match kept {
            Some(made) => made,
            None => {
                let made = Arc::new(self.make_kernel::<P>(name, shader, options).await?);
                self.shared.kernels.made.insert(key, Arc::clone(&made));
                made
            }
        };
        Ok(Kernel { gpu: self.clone(), made, name: name.into(), push: PhantomData })
    }

    async fn make_kernel<P: GpuData>(&self, name: &str, shader: Arc<[u32]>, options: &KernelOptions) -> Result<Made> {
        let refuse = |reason: String| Error::Shader { name: name.to_owned(), reason };
        let module = Module::read(&shader, &options.constants);
        check_push::<P>(&module).map_err(refuse)?;
        let specialized = specialized(&module, options, self.info()).map_err(refuse)?;
        let local_size = module.local_size().ok_or_else(|| {
            refuse(
                "it does not say how large its workgroups are; is it a compute shader with an entry point `main`?"
                    .into(),
            )
        })?;
        check_size(local_size, self.info()).map_err(refuse)?;
        check_subgroups(&specialized, local_size, self.info()).map_err(refuse)?;
        let specialized = whole(specialized, local_size);
        let pipeline = self.compute_pipeline_of(name, ComputeKey { shader, specialized }).await?;
        Ok(Made { pipeline, local_size })
    }
}

impl<P: GpuData> Kernel<P> {
    /// Runs `groups` workgroups with these push constants. What they touch is declared on what this gives.
    pub fn dispatch(&self, push: &P, groups: [u32; 3]) -> Dispatch {
        let Self { gpu, made, name, .. } = self;
        Dispatch::new(gpu, name, &made.pipeline, Push::of(push), groups)
    }

    /// As [`dispatch`](Self::dispatch), with as many workgroups as it takes for at least so many invocations in each direction. The
    /// last of them may be more than were asked for: shaders look at their number.
    pub fn over(&self, push: &P, invocations: [u32; 3]) -> Dispatch {
        let size = self.made.local_size;
        self.dispatch(push, [0, 1, 2].map(|axis| invocations[axis].div_ceil(size[axis].max(1))))
    }

    /// Invocations of a workgroup, in each direction.
    #[must_use]
    pub fn local_size(&self) -> [u32; 3] {
        self.made.local_size
    }

    /// Its pipeline, for passes that record by hand.
    #[must_use]
    pub fn pipeline(&self) -> &ComputePipeline {
        &self.made.pipeline
    }

    /// The device that it is for.
    #[must_use]
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }
}

impl<P> Clone for Kernel<P> {
    fn clone(&self) -> Self {
        let Self { gpu, made, name, push } = self;
        Self { gpu: gpu.clone(), made: Arc::clone(made), name: Arc::clone(name), push: *push }
    }
}

impl<P> fmt::Debug for Kernel<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel")
            .field("name", &self.name)
            .field("local_size", &self.made.local_size)
            .finish_non_exhaustive()
    }
}

fn check_push<P: GpuData>(module: &Module<'_>) -> Result<(), String> {
    let (name, size) = (type_name::<P>(), size_of::<P>());
    if size > MAX_PUSH_BYTES || !size.is_multiple_of(4) {
        return Err(format!(
            "its push constants, `{name}`, have {size} bytes; they take at most {MAX_PUSH_BYTES}, in steps of 4: put the rest into a \
             buffer and push its address"
        ));
    }
    let Some(expected) = spirv::push_constants(module) else {
        return Err(
            "its push constants are laid out in a way that is not known here; declare them `scalar` or `std430`".into(),
        );
    };
    layout::check(&expected, &P::LAYOUT.pieces(), size)
        .map_err(|wrong| format!("its push constants are not `{name}`: {wrong}"))
}

fn specialized(module: &Module<'_>, options: &KernelOptions, info: &DeviceInfo) -> Result<Specialized, String> {
    let mut has: Vec<u32> = module.spec_ids.values().copied().filter(|&id| id != COUNT_CONSTANT).collect();
    has.sort_unstable();
    let constants = options.constants.clone();
    if let Some((id, _)) = constants.iter().find(|(id, _)| !has.contains(id)) {
        return Err(format!("it has no specialisation constant {id}; it has {has:?}"));
    }
    let narrow = |id: u32| module.bytes_of_constant(id).is_none_or(|bytes| bytes == 4);
    if let Some((id, _)) = constants.iter().find(|&&(id, _)| !narrow(id)) {
        let bytes = module.bytes_of_constant(*id).unwrap_or_default();
        return Err(format!("its specialisation constant {id} has {bytes} bytes; only those of 4 bytes can be set"));
    }
    let subgroup_size = options.subgroup_size;
    if let Some(size) = subgroup_size {
        let [least, most] = info.subgroup_sizes;
        if !info.features.subgroup_size_control {
            return Err(format!(
                "subgroups of {size} are asked for, and this device lets nobody choose (no `subgroupSizeControl`); its own have {}",
                info.subgroup_size
            ));
        }
        if !size.is_power_of_two() || !(least..=most).contains(&size) {
            return Err(format!(
                "subgroups of {size} are asked for; this device has powers of two from {least} to {most}"
            ));
        }
    }
    Ok(Specialized { constants, subgroup_size, full_subgroups: false })
}

fn check_size(local_size: [u32; 3], info: &DeviceInfo) -> Result<(), String> {
    let (most, most_in_all) = (info.limits.max_compute_work_group_size, info.limits.max_compute_work_group_invocations);
    let all = invocations(local_size);
    if all <= most_in_all.into() && local_size.iter().zip(most).all(|(&side, most)| side <= most) {
        return Ok(());
    }
    Err(format!(
        "its workgroups have {local_size:?} invocations, {all} in all; this device takes {most:?}, and {most_in_all} in all"
    ))
}

fn invocations(local_size: [u32; 3]) -> u64 {
    local_size.iter().fold(1, |all: u64, &side| all.saturating_mul(side.into()))
}

/// "The local workgroup size of the shader must be less than or equal to the product of requiredSubgroupSize and
/// maxComputeWorkgroupSubgroups."
fn check_subgroups(specialized: &Specialized, local_size: [u32; 3], info: &DeviceInfo) -> Result<(), String> {
    let Some(size) = specialized.subgroup_size else { return Ok(()) };
    let invocations = invocations(local_size);
    match u64::from(size) * u64::from(info.max_workgroup_subgroups) {
        most if invocations > most => Err(format!(
            "its workgroups have {invocations} invocations, and of subgroups of {size} this device takes {} in a workgroup",
            info.max_workgroup_subgroups
        )),
        _ => Ok(()),
    }
}

/// "The local workgroup size in the X dimension of the pipeline must be a multiple of requiredSubgroupSize" for whole subgroups.
fn whole(specialized: Specialized, [width, ..]: [u32; 3]) -> Specialized {
    let full_subgroups = specialized.subgroup_size.is_some_and(|size| width.is_multiple_of(size));
    Specialized { full_subgroups, ..specialized }
}
