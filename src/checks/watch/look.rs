//! The look at a draw or dispatch: whose the addresses are that its shaders use.

use std::{mem, sync::Arc};

use ash::vk::AccessFlags2 as A;

use super::{Declared, PipelineReach, State, Watch};
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
    pub(super) fn pushed(&self, offset: u32, values: &[u8]) {
        let offset = offset as usize;
        if let Some(into) = self.state.borrow_mut().push.get_mut(offset..offset + values.len()) {
            into.copy_from_slice(values);
        }
    }

    /// Whether a draw or dispatch may be recorded.
    #[inline]
    pub(super) fn allows(&self) -> bool {
        let state = &mut *self.state.borrow_mut();
        let Some(pipeline) = &state.pipeline else { return state.error.is_none() };
        let is_same = |(&key, seen): (&u32, &u64)| state.word(key) == *seen;
        if !state.is_new && pipeline.keys.iter().zip(&state.seen).all(is_same) {
            return state.error.is_none();
        }
        self.look_closely(state)
    }

    /// As [`allows`](Self::allows), for those who can say why not.
    ///
    /// # Errors
    /// What is wrong with the addresses in the push constants.
    pub(crate) fn look(&self) -> Result<(), Error> {
        if self.allows() { Ok(()) } else { self.state.borrow().error.clone().map_or(Ok(()), Err) }
    }

    #[inline(never)]
    fn look_closely(&self, state: &mut State) -> bool {
        let Some(pipeline) = state.pipeline.take() else { return true };
        let State { push, seen, .. } = state;
        seen.clear();
        seen.extend(pipeline.keys.iter().map(|&key| word(push, key)));
        (state.is_new, state.has_run) = (false, true);
        for (stage, reach) in &pipeline.stages {
            if let Err(error) = self.look_at(&pipeline, stage, reach, state) {
                state.error.get_or_insert(error);
            }
        }
        state.pipeline = Some(pipeline);
        state.error.is_none()
    }

    fn look_at(
        &self,
        pipeline: &PipelineReach,
        stage: &'static str,
        reach: &Reach,
        state: &mut State,
    ) -> Result<(), Error> {
        state.is_all &= reach.is_all;
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
        for &base in &found[behind] {
            let At::Data { end } = self.checks.buffers.at(base) else { continue };
            let mut places = Vec::new();
            state.is_all &= root.offset.each(end - base, |at| places.push(base + at));
            self.checks.buffers.addresses_in(places.into_iter(), into);
        }
    }

    /// Whether the pass declared what the shader touches at these addresses, of which it uses some or other. Those of data
    /// go into `data`.
    fn judge(&self, used: Use<'_>, addresses: &[u64], data: &mut Vec<u64>, state: &mut State) -> Result<(), Error> {
        let (mut fault, mut fits) = (None, 0);
        for &address in addresses.iter().filter(|&&address| address != 0) {
            match self.whose(address, state) {
                Whose::Declared(index) => {
                    let buffers = state.buffers.as_deref().unwrap_or_default();
                    let Declared { mask, id, .. } = buffers[index];
                    // What lies there is the GPU's.
                    if allows(mask, used.root.touch) {
                        state.touch(self.pass.declared, id);
                        fits += 1;
                    } else {
                        fault.get_or_insert((self.name_of(id), Some((mask, id))));
                    }
                    state.is_all &= !used.leads_on();
                }
                Whose::Data => {
                    data.push(address);
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
        let next = buffers.partition_point(|buffer| buffer.start <= address);
        if let Some(index) = next.checked_sub(1).filter(|&index| address < buffers[index].end) {
            return Whose::Declared(index);
        }
        if state.data.contains(&address) {
            return Whose::Data;
        }
        match self.checks.buffers.at(address) {
            At::Data { end } => {
                state.data = address..end;
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

impl Use<'_> {
    /// Whether the shader finds further addresses there.
    fn leads_on(&self) -> bool {
        let roots =
            self.pipeline.stages.iter().filter(|(stage, _)| *stage == self.stage).flat_map(|(_, reach)| &reach.roots);
        let own = roots.clone().position(|root| std::ptr::eq(root, self.root));
        roots.into_iter().any(|root| root.behind.is_some() && root.behind == own)
    }
}

impl State {
    #[inline]
    fn word(&self, at: u32) -> u64 {
        word(&self.push, at)
    }
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
            None => found.push(Declared { start, end: start + buffer.bytes, mask: access.mask, id }),
        }
    }
    found.sort_unstable_by_key(|buffer| buffer.start);
    found
}
