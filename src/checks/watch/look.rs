//! The look at a draw or dispatch: whose the addresses are that its shaders use.

use std::{mem, sync::Arc};

use ash::vk::AccessFlags2 as A;

use super::{Declared, PipelineReach, REMEMBERED, State, Watch};
use crate::{
    checks::{
        buffers::At,
        spirv::{Reach, Root, Touch},
        words::Fault,
    },
    error::Error,
    graph::uses::Declaration,
    resource::Resource,
};

/// What is found at an address.
enum Whose {
    /// The pass's: one of those that it declared.
    Declared(usize),
    /// What a recording wrote.
    Data,
    /// Another buffer.
    Other(Arc<str>),
    Nobodys,
}

/// One root in one pipeline.
#[derive(Clone, Copy)]
struct Use<'p> {
    pipeline: &'p PipelineReach,
    stage: &'static str,
    root: &'p Root,
}

impl Watch<'_> {
    /// Push constants were set.
    #[inline]
    pub(crate) fn pushed(&self, offset: u32, values: &[u8]) {
        let state = &mut *self.state.borrow_mut();
        let offset = offset as usize;
        if let Some(into) = state.push.get_mut(offset..offset + values.len()) {
            copy(into, values);
        }
        if self.is_right.get() && !state.stays_right() {
            self.is_right.set(false);
        }
    }

    /// Whether a draw or dispatch may be recorded.
    #[inline]
    pub(super) fn allows(&self) -> bool {
        self.is_right.get() || self.look_closely()
    }

    /// As [`allows`](Self::allows), for those who can say why not.
    ///
    /// # Errors
    /// What is wrong with the addresses in the push constants.
    pub(crate) fn look(&self) -> Result<(), Error> {
        if self.allows() { Ok(()) } else { self.state.borrow().error.clone().map_or(Ok(()), Err) }
    }

    #[inline(never)]
    fn look_closely(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        if let Some(pipeline) = state.pipeline.take() {
            let State { push, seen, .. } = state;
            seen.clear();
            seen.extend(pipeline.keys.iter().map(|&key| word(push, key)));
            state.has_run = true;
            for (stage, reach) in &pipeline.stages {
                if let Err(error) = self.look_at(&pipeline, stage, reach, state) {
                    state.error.get_or_insert(error);
                }
            }
            state.pipeline = Some(pipeline);
        }
        let is_right = state.error.is_none();
        if let (true, Some(address)) = (is_right, state.only_address()) {
            state.right[place(address)] = address;
        }
        self.is_right.set(is_right);
        is_right
    }

    fn look_at(
        &self,
        pipeline: &PipelineReach,
        stage: &'static str,
        reach: &Reach,
        state: &mut State,
    ) -> Result<(), Error> {
        state.is_all &= reach.is_all;
        if !reach.is_flat {
            return self.look_along(pipeline, stage, reach, state);
        }
        for root in &reach.roots {
            let address = word(&state.push, root.offset.bytes);
            if !state.is_known(address, root.touch) {
                self.judge(Use { pipeline, stage, root }, &[address], &mut Vec::new(), state)?;
            }
        }
        Ok(())
    }

    /// Looks at addresses, and at those that lie behind them.
    fn look_along(
        &self,
        pipeline: &PipelineReach,
        stage: &'static str,
        reach: &Reach,
        state: &mut State,
    ) -> Result<(), Error> {
        let (mut found, mut addresses) = (mem::take(&mut state.found), mem::take(&mut state.addresses));
        found.resize_with(found.len().max(reach.roots.len()), Vec::new);
        let mut result = Ok(());
        for (index, root) in reach.roots.iter().enumerate() {
            addresses.clear();
            self.addresses(root, &found, state, &mut addresses);
            found[index].clear();
            result = self.judge(Use { pipeline, stage, root }, &addresses, &mut found[index], state);
            if result.is_err() {
                break;
            }
        }
        (state.found, state.addresses) = (found, addresses);
        result
    }

    /// The addresses that a root may be.
    fn addresses(&self, root: &Root, found: &[Vec<u64>], state: &mut State, into: &mut Vec<u64>) {
        let Some(behind) = root.behind else {
            let push = &state.push;
            let room = push.len() as u64;
            state.is_all &= root.offset.each(room, |at| {
                if at + 8 <= room {
                    into.push(word(push, at as u32));
                }
            });
            return;
        };
        let buffers = &self.checks.buffers;
        let mut places = Vec::new();
        for &base in &found[behind] {
            state.is_all &= root.offset.each(buffers.data_from(base), |at| places.push(base + at));
        }
        buffers.addresses_in(places.iter().copied(), into);
        state.is_all &= into.len() == places.len();
    }

    /// Whether the pass declared what the shader touches at these addresses, of which it uses some or other. Those of data
    /// go into `data`.
    fn judge(&self, used: Use<'_>, addresses: &[u64], data: &mut Vec<u64>, state: &mut State) -> Result<(), Error> {
        let Root { touch, leads_on, .. } = *used.root;
        let (mut fault, mut fits) = (None, 0);
        for &address in addresses.iter().filter(|&&address| address != 0) {
            match self.whose(address, state) {
                Whose::Declared(index) => {
                    let buffer = &mut state.buffers.as_deref_mut().unwrap_or_default()[index];
                    let Declared { mask, id, .. } = *buffer;
                    if allows(mask, touch) {
                        buffer.is_touched = true;
                        state.touch(self.pass.declared, id);
                        fits += 1;
                    } else {
                        fault.get_or_insert((self.name_of(id), Some((mask, id))));
                    }
                    // What lies there is the GPU's.
                    state.is_all &= !leads_on;
                }
                Whose::Data => {
                    if leads_on {
                        data.push(address);
                    }
                    fits += 1;
                }
                Whose::Other(name) => drop(fault.get_or_insert((name, None))),
                Whose::Nobodys => state.is_all = false,
            }
        }
        // Of several it may well use those alone that are declared.
        match fault {
            Some((name, declared)) if fits == 0 => Err(self.fault(used, &name, declared)),
            _ => Ok(()),
        }
    }

    fn whose(&self, address: u64, state: &mut State) -> Whose {
        let buffers = state.buffers.get_or_insert_with(|| by_address(self.pass.declared));
        if let Some(index) = position(buffers, address) {
            return Whose::Declared(index);
        }
        if state.data.contains(&address) {
            return Whose::Data;
        }
        match self.checks.buffers.at(address) {
            At::Data(memory) => {
                state.data = memory;
                Whose::Data
            }
            At::Buffer(name) => Whose::Other(name),
            At::Nothing => Whose::Nobodys,
        }
    }

    fn name_of(&self, id: usize) -> Arc<str> {
        let declared = self.pass.declared.iter().find(|declared| declared.resource.id() == id);
        declared.map_or_else(|| "?".into(), |declared| Arc::clone(declared.resource.name()))
    }

    fn fault(&self, used: Use<'_>, resource: &str, declared: Option<(A, usize)>) -> Error {
        let Use { pipeline, stage, root } = used;
        Fault {
            stage,
            pipeline: &pipeline.name,
            place: &root.text,
            touch: root.touch,
            resource,
            declared: declared.map(|(mask, _)| mask),
            id: declared.map_or(0, |(_, id)| id),
            labels: self.pass.labels,
        }
        .told()
    }
}

impl State {
    /// Whether what was right still is, with other push constants.
    #[inline]
    fn stays_right(&self) -> bool {
        match self.only_address() {
            Some(address) => self.right[place(address)] == address || self.data.contains(&address),
            None => self.is_as_seen(),
        }
    }

    /// What the only key of the pipeline holds.
    #[inline]
    fn only_address(&self) -> Option<u64> {
        self.pipeline.as_ref()?.only_key.map(|key| word(&self.push, key))
    }

    /// Whether the pipeline's addresses are those of the last look.
    #[inline]
    fn is_as_seen(&self) -> bool {
        let keys = self.pipeline.as_ref().map_or(&[][..], |pipeline| &pipeline.keys);
        keys.iter().zip(&self.seen).all(|(&key, &seen)| word(&self.push, key) == seen)
    }

    /// Whether an address needs no further look: there was one at its buffer, or it is that of data.
    #[inline]
    fn is_known(&self, address: u64, touch: Touch) -> bool {
        let buffers = self.buffers.as_deref().unwrap_or_default();
        match position(buffers, address) {
            Some(index) => buffers[index].is_touched && allows(buffers[index].mask, touch),
            None => address == 0 || self.data.contains(&address),
        }
    }
}

/// Copies the sizes that constants often have without a call.
#[inline]
fn copy(into: &mut [u8], from: &[u8]) {
    #[inline]
    fn sized<const BYTES: usize>(into: &mut [u8], from: &[u8]) {
        if let (Some(into), Some(from)) = (into.first_chunk_mut::<BYTES>(), from.first_chunk()) {
            *into = *from;
        }
    }
    match from.len() {
        8 => sized::<8>(into, from),
        16 => sized::<16>(into, from),
        32 => sized::<32>(into, from),
        64 => sized::<64>(into, from),
        _ => into.copy_from_slice(from),
    }
}

/// Where an address is remembered: by Fibonacci hashing, since buffers lie at multiples of powers of two.
#[inline]
fn place(address: u64) -> usize {
    (address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - REMEMBERED.trailing_zeros())) as usize
}

/// Which of some buffers an address is of.
#[inline]
fn position(buffers: &[Declared], address: u64) -> Option<usize> {
    let next = buffers.partition_point(|buffer| buffer.start <= address);
    next.checked_sub(1).filter(|&index| address < buffers[index].end)
}

#[inline]
fn word(push: &[u8], at: u32) -> u64 {
    let at = at as usize;
    push.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

/// Whether an access mask covers what a shader does.
fn allows(mask: A, touch: Touch) -> bool {
    let reads = A::SHADER_STORAGE_READ | A::SHADER_READ | A::MEMORY_READ;
    let writes = A::SHADER_STORAGE_WRITE | A::SHADER_WRITE | A::MEMORY_WRITE;
    (!touch.reads || mask.intersects(reads)) && (!touch.writes || mask.intersects(writes))
}

/// The buffers among some declarations.
fn by_address(declared: &[Declaration]) -> Vec<Declared> {
    let mut found: Vec<Declared> = Vec::new();
    for Declaration { resource, access, .. } in declared {
        let Resource::Buffer(buffer) = resource else { continue };
        let (Some(start), id) = (buffer.address(), resource.id()) else { continue };
        match found.iter_mut().find(|known| known.id == id) {
            Some(known) => known.mask |= access.mask,
            None => found.push(Declared { start, end: start + buffer.bytes, mask: access.mask, id, is_touched: false }),
        }
    }
    found.sort_unstable_by_key(|buffer| buffer.start);
    found
}
