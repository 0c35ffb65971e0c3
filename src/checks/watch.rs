//! The watch on one pass: what its draws and dispatches touch by address.
//!
//! An encoder records through a table of functions, which are the driver's own. Where checks are on, some of them are those of
//! [`watched`], which look before they call the driver; so there is nothing to ask where checks are off. Vulkan's functions have
//! no room for more arguments, so that these are called with the watch in place of the command buffer.

pub(crate) mod watched;

mod look;

use std::{
    cell::{Cell, RefCell},
    ops::Range,
    rc::Rc,
    sync::Arc,
};

use ash::vk;

use super::{
    Checks,
    spirv::Reach,
    words::{self, Meta},
};
use crate::{
    error::Error,
    graph::uses::{Declaration, Label, Rendering, Target},
    pipeline::MAX_PUSH_BYTES,
    resource::Resource,
};

/// What a pipeline's shaders touch by address.
#[derive(Debug)]
pub(crate) struct PipelineReach {
    pub(super) name: Arc<str>,
    /// With the names of their stages.
    pub(super) stages: Vec<(&'static str, Reach)>,
    /// Where in the push constants there are addresses.
    pub(super) keys: Vec<u32>,
    /// The only place where there is one, if nothing further is looked for at it.
    pub(super) only_key: Option<u32>,
}

impl PipelineReach {
    /// `specialized`: values of their constants, by number.
    pub(crate) fn new(name: &Arc<str>, shaders: &[(&'static str, &[u32])], specialized: &[(u32, u32)]) -> Self {
        let stages: Vec<_> = shaders.iter().map(|(stage, words)| (*stage, Reach::of(words, specialized))).collect();
        let mut keys = Vec::new();
        for root in stages.iter().flat_map(|(_, reach)| &reach.roots).filter(|root| root.behind.is_none()) {
            root.offset.each(MAX_PUSH_BYTES as u64, |at| keys.push(at as u32));
        }
        keys.retain(|&key| key as usize + 8 <= MAX_PUSH_BYTES);
        keys.sort_unstable();
        keys.dedup();
        let is_flat = stages.iter().all(|(_, reach)| reach.is_flat);
        let only_key = keys.first().copied().filter(|_| is_flat && keys.len() == 1);
        Self { name: Arc::clone(name), stages, keys, only_key }
    }
}

/// The pass that is recorded.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) name: &'a Arc<str>,
    pub(crate) declared: &'a [Declaration],
    pub(crate) rendering: &'a Rendering,
    /// What a derived system calls what it declared.
    pub(crate) labels: &'a [Label],
}

impl Pass<'_> {
    fn label_of(&self, id: usize) -> Option<Meta> {
        words::label_of(self.labels, id)
    }
}

/// The driver's functions that are watched.
#[derive(Clone, Copy)]
pub(crate) struct Commands {
    pub(crate) push_constants: vk::PFN_vkCmdPushConstants,
    pub(crate) draw: vk::PFN_vkCmdDraw,
    pub(crate) draw_indexed: vk::PFN_vkCmdDrawIndexed,
    pub(crate) dispatch: vk::PFN_vkCmdDispatch,
}

impl Commands {
    /// For a look at what is not recorded.
    pub(super) fn none() -> Self {
        unsafe extern "system" fn push(
            _: vk::CommandBuffer,
            _: vk::PipelineLayout,
            _: vk::ShaderStageFlags,
            _: u32,
            _: u32,
            _: *const std::ffi::c_void,
        ) {
        }
        unsafe extern "system" fn draw(_: vk::CommandBuffer, _: u32, _: u32, _: u32, _: u32) {}
        unsafe extern "system" fn draw_indexed(_: vk::CommandBuffer, _: u32, _: u32, _: u32, _: i32, _: u32) {}
        unsafe extern "system" fn dispatch(_: vk::CommandBuffer, _: u32, _: u32, _: u32) {}
        Self { push_constants: push, draw, draw_indexed, dispatch }
    }
}

/// Watches what is recorded into one command buffer for one pass.
pub(crate) struct Watch<'a> {
    cmd: vk::CommandBuffer,
    driver: Commands,
    checks: &'a Checks,
    pass: Pass<'a>,
    /// Whether draws and dispatches are right with the pipeline and the constants that there are.
    is_right: Cell<bool>,
    state: RefCell<State>,
}

struct State {
    push: [u8; MAX_PUSH_BYTES],
    pipeline: Option<Arc<PipelineReach>>,
    /// What the keys held at the last look.
    seen: Vec<u64>,
    /// Of a pipeline with one key, some of what that held when all was right.
    right: [u64; REMEMBERED],
    /// The declared buffers that have addresses, in their order; made at the first look.
    buffers: Option<Vec<Declared>>,
    /// By declaration, whether anything touched it.
    touched: Vec<bool>,
    /// Whether all that was touched is known.
    is_all: bool,
    /// Whether commands came that nobody saw.
    is_blind: bool,
    error: Option<Error>,
    /// The memory where data was found last.
    data: Range<u64>,
    /// Whether there was a draw or dispatch.
    has_run: bool,
    /// By root, the data that it leads to.
    found: Vec<Vec<u64>>,
    /// Room to work in: the addresses of one root.
    addresses: Vec<u64>,
}

/// A power of two.
const REMEMBERED: usize = 32;

/// A buffer that the pass declared.
struct Declared {
    start: u64,
    end: u64,
    /// Of all its declarations.
    mask: vk::AccessFlags2,
    id: usize,
    is_touched: bool,
}

impl<'a> Watch<'a> {
    pub(crate) fn begin(cmd: vk::CommandBuffer, driver: Commands, checks: &'a Checks, pass: Pass<'a>) -> Rc<Self> {
        let state = State {
            push: [0; MAX_PUSH_BYTES],
            pipeline: None,
            seen: Vec::new(),
            right: [0; REMEMBERED],
            buffers: None,
            touched: vec![false; pass.declared.len()],
            is_all: true,
            is_blind: false,
            error: None,
            data: 0..0,
            has_run: false,
            found: Vec::new(),
            addresses: Vec::new(),
        };
        // Shared, as encoders move while functions know where it is.
        Rc::new(Self { cmd, driver, checks, pass, is_right: Cell::new(false), state: RefCell::new(state) })
    }

    /// A pipeline was bound.
    pub(crate) fn bound(&self, pipeline: Option<&Arc<PipelineReach>>) {
        let state = &mut *self.state.borrow_mut();
        state.pipeline = pipeline.filter(|_| !state.is_blind).cloned();
        state.is_all &= pipeline.is_some();
        state.right = [0; REMEMBERED];
        self.is_right.set(false);
    }

    /// The command buffer was given away.
    pub(crate) fn is_blind(&self) {
        let state = &mut *self.state.borrow_mut();
        (state.is_blind, state.pipeline) = (true, None);
    }

    /// A command touched a resource that the pass declared.
    pub(crate) fn touched(&self, id: usize) {
        self.state.borrow_mut().touch(self.pass.declared, id);
    }

    /// Ends the watch. Where the pass's commands all came this way, says what none of them touched.
    ///
    /// # Errors
    /// What was found first.
    pub(crate) fn end(&self, is_all_of_pass: bool) -> Result<(), Error> {
        let state = &mut *self.state.borrow_mut();
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        let did_something = state.has_run || state.touched.contains(&true);
        if is_all_of_pass && did_something && state.is_all && !state.is_blind {
            self.warn(&mut state.touched);
        }
        Ok(())
    }

    fn warn(&self, touched: &mut [bool]) {
        let Pass { name, declared, rendering, .. } = self.pass;
        let targets =
            rendering.targets().flat_map(|target| std::iter::successors(Some(target), |t| t.resolve.as_deref()));
        let targets: Vec<_> = targets.map(|Target { image, .. }| Resource::Image(Arc::clone(image)).id()).collect();
        for (index, declaration) in declared.iter().enumerate() {
            let id = declaration.resource.id();
            if !touched[index] && !targets.contains(&id) {
                self.checks.warned.warn(name, declaration, self.pass.label_of(id));
            }
        }
    }
}

impl State {
    fn touch(&mut self, declared: &[Declaration], id: usize) {
        for (touched, declaration) in self.touched.iter_mut().zip(declared) {
            *touched |= declaration.resource.id() == id;
        }
    }
}
