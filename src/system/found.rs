//! What was found for a system when it was added.

use std::{any::Any, marker::PhantomData, sync::Arc};

use super::{CpuData, CpuRef, Registered, cpu::Guard};
use crate::{error::Result, exec::Encoder};

/// The handles of a system in the unit-struct form, and the CPU data that it reads.
pub struct Found {
    /// Handles as a registry keeps them, with what names them: the type as written, and the instance.
    pub(crate) handles: Vec<FoundHandle>,
    /// In the order of [`Binding::cpu`](super::Binding), with the ids of their cells.
    pub(crate) guards: Vec<(usize, Guard)>,
}

pub(crate) struct FoundHandle {
    pub(crate) instance: Option<&'static str>,
    pub(crate) handle: Arc<dyn Any + Send + Sync>,
}

impl Encoder<'_> {
    /// The handle that was found for this system: in the unit-struct form, a resource that it declares.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) if the system declares no resource of this type, or several.
    pub fn found<H: Registered>(&self) -> Result<H> {
        unimplemented!()
    }

    /// As [`found`](Self::found), of several the one that the system declares by this name.
    ///
    /// # Errors
    ///
    /// As [`found`](Self::found).
    pub fn found_named<H: Registered>(&self, name: &str) -> Result<H> {
        let _ = name;
        unimplemented!()
    }

    /// CPU data that this system declares to read.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph) if it does not.
    pub fn read<T: Send + Sync + 'static>(&self, data: &CpuData<T>) -> Result<CpuRef<T>> {
        let _: PhantomData<CpuRef<T>>;
        let _ = data;
        unimplemented!()
    }
}
