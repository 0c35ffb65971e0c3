//! What was found for a system when it was added.

use std::{
    any::{Any, type_name},
    sync::{Arc, OnceLock},
};

use super::{CpuData, CpuRef, Registered, cpu::Guard, registry::short};
use crate::{
    error::{Error, Result},
    exec::Encoder,
};

/// The handles of a system in the unit-struct form, and the CPU data that it reads. Its pass has the only one: what is
/// guarded is let go of when that is recorded, culled or cancelled.
pub(crate) struct Found {
    handles: Vec<FoundHandle>,
    /// Once their turn has come, with the ids of what they guard.
    guards: OnceLock<Vec<(usize, Guard)>>,
}

/// A handle as a registry keeps it.
pub(crate) struct FoundHandle {
    /// Of several of its type, the one of this name.
    pub(crate) instance: Option<&'static str>,
    pub(crate) handle: Arc<dyn Any + Send + Sync>,
}

impl Found {
    pub(crate) fn new(handles: Vec<FoundHandle>) -> Self {
        Self { handles, guards: OnceLock::new() }
    }

    pub(crate) fn give(&self, guards: Vec<(usize, Guard)>) {
        let _ = self.guards.set(guards); // given once
    }

    /// Handles of a type, each with its name.
    fn of<H: Registered>(&self) -> impl Iterator<Item = (Option<&'static str>, &H)> {
        self.handles.iter().filter_map(|found| Some((found.instance, found.handle.downcast_ref()?)))
    }

    fn only<H: Registered>(&self) -> Result<H> {
        let wanted = short(type_name::<H>());
        let mut all = self.of::<H>();
        let Some((name, first)) = all.next() else {
            return Err(Error::Graph(format!(
                "it asks for `{wanted}`, which it does not declare; add it to `#[reads(..)]` or `#[writes(..)]`"
            )));
        };
        // One that it declares twice is one.
        if all.all(|(other, _)| other == name) {
            return Ok(first.clone());
        }
        let mut names: Vec<_> = self.of::<H>().filter_map(|(name, _)| name).map(|name| format!("`{name}`")).collect();
        names.dedup();
        Err(Error::Graph(format!(
            "it asks for `{wanted}`, of which it declares several; say which with `cmd.found_named(..)`: {}",
            names.join(", ")
        )))
    }

    fn named<H: Registered>(&self, name: &str) -> Result<H> {
        let found = self.of::<H>().find(|(instance, _)| *instance == Some(name));
        found.map(|(_, handle)| handle.clone()).ok_or_else(|| {
            let wanted = short(type_name::<H>());
            Error::Graph(format!(
                "it asks for the `{wanted}` that is called `{name}`, which it does not declare; add `{wanted} = \"{name}\"` to \
                 `#[reads(..)]` or `#[writes(..)]`"
            ))
        })
    }

    fn read<T: Send + Sync + 'static>(&self, data: &CpuData<T>) -> Option<CpuRef<T>> {
        let mut guards = self.guards.get()?.iter();
        guards.find(|(id, _)| *id == data.id())?.1.share()
    }
}

impl Encoder<'_> {
    /// The handle that was found for this system: in the unit-struct form, a resource that it declares.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) if the system declares no resource of this type, or several.
    pub fn found<H: Registered>(&self) -> Result<H> {
        self.system()?.only()
    }

    /// As [`found`](Self::found), of several the one that the system declares by this name.
    ///
    /// # Errors
    ///
    /// As [`found`](Self::found).
    pub fn found_named<H: Registered>(&self, name: &str) -> Result<H> {
        self.system()?.named(name)
    }

    /// CPU data that this system declares to read.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) if it does not.
    pub fn read<T: Send + Sync + 'static>(&self, data: &CpuData<T>) -> Result<CpuRef<T>> {
        self.system()?.read(data).ok_or_else(|| {
            let name = short(type_name::<T>());
            Error::Graph(format!(
                "it reads CPU data `{name}`, which it does not declare; add `#[reads]` to the field that holds it, or \
                 `{name}` to the system's `#[reads(..)]`"
            ))
        })
    }

    fn system(&self) -> Result<&Found> {
        self.found.as_deref().ok_or_else(|| {
            Error::Graph(
                "it asks for what a registry found for it, and is no system of a schedule; add it with `run` or `add_from`"
                    .to_owned(),
            )
        })
    }
}
