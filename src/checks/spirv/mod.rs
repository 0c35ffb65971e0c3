//! What a shader reads and writes by address, taken from its SPIR-V.
//!
//! Addresses come out of push constants, or out of memory that other addresses lead to. Each of them becomes a
//! [`Root`], with what the shader may do through it.

mod place;
#[cfg(test)]
mod tests;
mod value;
mod walk;

pub(crate) use place::Offset;
pub(crate) use walk::Touch;

use crate::spirv::Module;

/// All addresses that a shader uses.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Those that others are found behind of come first.
    pub(crate) roots: Vec<Root>,
    /// Whether these are all; if not, the shader made addresses in ways that were not followed.
    pub(crate) is_all: bool,
    /// Whether each is one address in the push constants.
    pub(crate) is_flat: bool,
}

/// Where a shader finds an address, and what it does with it.
#[derive(Debug)]
pub(crate) struct Root {
    /// The root in whose memory the address lies; `None`: in the push constants.
    pub(crate) behind: Option<usize>,
    /// Where in that.
    pub(crate) offset: Offset,
    pub(crate) touch: Touch,
    /// As the shader's author would write it: `push.to`.
    pub(crate) text: String,
    /// Whether other roots are behind this one.
    pub(crate) leads_on: bool,
}

impl Root {
    /// Where in the push constants it lies, if it is one address there.
    pub(crate) fn pushed_at(&self) -> Option<u32> {
        let is_one = self.behind.is_none() && self.offset.any_of.is_empty() && !self.offset.is_lost;
        is_one.then_some(self.offset.bytes)
    }
}

impl Reach {
    /// Of a SPIR-V module with an entry point `main`, its constants specialised to these values by their numbers.
    pub(crate) fn of(words: &[u32], specialized: &[(u32, u32)]) -> Self {
        let module = Module::read(words, specialized);
        let walk::Found { places, touches, is_all } = walk::walk(&module);
        // What is behind of others has a higher number, and to get behind something it was read.
        let numbers: Vec<_> = touches.keys().copied().collect();
        let mut roots: Vec<Root> = Vec::new();
        for (&id, &touch) in &touches {
            let place = places.get(id);
            let behind = place.behind.and_then(|place| numbers.iter().position(|&number| number == place));
            let text = match module.has_names() {
                true => format!("`{}`", place.text.trim_start_matches('.')),
                false => {
                    let of = behind.map_or("the push constants", |behind| &roots[behind].text);
                    let within = if behind.is_some() { "behind" } else { "of" };
                    format!("byte {} {within} {of}", place.offset.bytes)
                }
            };
            if let Some(behind) = behind {
                roots[behind].leads_on = true;
            }
            roots.push(Root { behind, offset: place.offset.clone(), touch, text, leads_on: false });
        }
        let is_flat = roots.iter().all(|root| root.pushed_at().is_some());
        Self { roots, is_all, is_flat }
    }
}
