//! What one system of a graph touches: handles, in the order in which it declares them.

use std::{fmt, sync::Arc};

use super::{CpuData, CpuResourceMeta, Registered, cpu::AnyCpu, found::FoundHandle};
use crate::{
    graph::Uses,
    resource::{GpuResourceMeta, Mode},
};

/// What one system touches, in the order in which it declares it. The derive fills it.
#[derive(Default)]
pub struct Binding {
    pub(crate) uses: Uses,
    pub(crate) handles: Vec<FoundHandle>,
    pub(crate) cpu: Vec<CpuUse>,
}

/// CPU data that a system touches.
#[derive(Clone)]
pub(crate) struct CpuUse {
    pub(crate) meta: CpuResourceMeta,
    pub(crate) mode: Mode,
    pub(crate) data: Arc<dyn AnyCpu>,
}

impl CpuUse {
    /// What errors call it.
    pub(crate) fn name(&self) -> String {
        let CpuResourceMeta { type_name, instance, .. } = self.meta;
        instance.map_or_else(|| type_name.to_owned(), |instance| format!("{type_name} = \"{instance}\""))
    }
}

impl Binding {
    /// Where its GPU resources are declared.
    pub fn uses(&mut self) -> &mut Uses {
        &mut self.uses
    }

    /// Notes a handle that was found in a registry, for [`Encoder::found`](crate::Encoder::found).
    #[doc(hidden)]
    pub fn found<H: Registered>(&mut self, meta: &'static GpuResourceMeta, handle: H) {
        self.handles.push(FoundHandle { instance: meta.instance, handle: Arc::new(handle) });
    }

    /// Declares CPU data. What was found in a registry, [`Encoder::found`](crate::Encoder::found) finds as well.
    #[doc(hidden)]
    pub fn cpu<T: Send + Sync + 'static>(&mut self, meta: CpuResourceMeta, mode: Mode, data: &CpuData<T>) {
        if meta.field.is_none() {
            self.handles.push(FoundHandle { instance: meta.instance, handle: Arc::new(data.clone()) });
        }
        self.cpu.push(CpuUse { meta, mode, data: Arc::new(data.clone()) });
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpu: Vec<_> = self.cpu.iter().map(CpuUse::name).collect();
        f.debug_struct("Binding").field("uses", &self.uses).field("cpu", &cpu).finish_non_exhaustive()
    }
}
