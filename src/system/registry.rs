//! Resources found by their type.

use super::CpuData;
use crate::{
    error::Result,
    resource::{GpuBuffer, GpuImage, ImageRole},
};

/// What a [`Registry`] keeps: handles.
pub trait Registered: Clone + Send + Sync + 'static {}

impl<T: 'static> Registered for GpuBuffer<T> {}
impl<R: ImageRole> Registered for GpuImage<R> {}
impl<T: Send + Sync + 'static> Registered for CpuData<T> {}

/// Handles of resources by their type: any number of each, told apart by name. A cheap handle itself.
#[derive(Clone, Debug, Default)]
pub struct Registry {}

impl Registry {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a handle, and gives back the one of its type that had this name before.
    pub fn insert<H: Registered>(&self, name: &str, handle: H) -> Option<H> {
        let _ = (name, handle);
        unimplemented!()
    }

    /// The one handle of this type.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph), with the candidates, if there is none or more than one.
    pub fn get<H: Registered>(&self) -> Result<H> {
        unimplemented!()
    }

    /// The handle of this type and name.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`](crate::Error::Graph), with the candidates, if there is none.
    pub fn get_named<H: Registered>(&self, name: &str) -> Result<H> {
        let _ = name;
        unimplemented!()
    }
}
