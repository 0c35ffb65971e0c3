//! CPU data that systems share.

use std::{
    any::{Any, TypeId},
    fmt,
    marker::PhantomData,
    ops::Deref,
    sync::Arc,
};

use futures::future::BoxFuture;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::resource::Mode;

/// A value on the CPU that systems of schedules share: several read it at a time, or one writes it. A cheap handle.
pub struct CpuData<T> {
    cell: Arc<RwLock<T>>,
}

impl<T: Send + Sync + 'static> CpuData<T> {
    /// Shares a value.
    pub fn new(value: T) -> Self {
        Self { cell: Arc::new(RwLock::new(value)) }
    }

    /// Waits until no system writes it, and gives it to be read.
    pub async fn read(&self) -> impl Deref<Target = T> + Send + Sync + use<T> {
        Arc::clone(&self.cell).read_owned().await
    }

    /// Waits until no system uses it, and gives it to be changed.
    pub async fn write(&self) -> impl std::ops::DerefMut<Target = T> + Send + Sync + use<T> {
        Arc::clone(&self.cell).write_owned().await
    }

    /// Takes a place in the line of those who use it: now, in the order of the calls.
    pub(crate) fn ticket(&self, _mode: Mode) -> Ticket {
        unimplemented!()
    }

    pub(crate) fn id(&self) -> usize {
        Arc::as_ptr(&self.cell).addr()
    }
}

/// A place in the line; it comes to a guard.
pub(crate) type Ticket = BoxFuture<'static, Guard>;

/// What a place in the line comes to.
pub struct Guard {
    /// `OwnedRwLockReadGuard<T>` or `OwnedRwLockWriteGuard<T>`.
    pub(crate) held: Box<dyn Any + Send + Sync>,
}

impl Guard {
    /// What it guards, if that is a `T`.
    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        let read = self.held.downcast_ref::<OwnedRwLockReadGuard<T>>().map(|guard| &**guard);
        read.or_else(|| self.held.downcast_ref::<OwnedRwLockWriteGuard<T>>().map(|guard| &**guard))
    }

    /// What it guards, if that is a `T` to be written.
    pub(crate) fn get_mut<T: Send + Sync + 'static>(&mut self) -> Option<&mut T> {
        self.held.downcast_mut::<OwnedRwLockWriteGuard<T>>().map(|guard| &mut **guard)
    }
}

/// CPU data that a pass looks at while it is recorded.
pub struct CpuRef<T> {
    pub(crate) found: Arc<super::Found>,
    pub(crate) index: usize,
    pub(crate) element: PhantomData<fn() -> T>,
}

impl<T> Clone for CpuData<T> {
    fn clone(&self) -> Self {
        Self { cell: Arc::clone(&self.cell) }
    }
}

impl<T> fmt::Debug for CpuData<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CpuData").field("type", &std::any::type_name::<T>()).finish_non_exhaustive()
    }
}

/// One type of data, whatever that is.
pub(crate) trait AnyCpu: Send + Sync {
    fn id(&self) -> usize;
    fn type_id(&self) -> TypeId;
    fn ticket(&self, mode: Mode) -> Ticket;
}

impl<T: Send + Sync + 'static> AnyCpu for CpuData<T> {
    fn id(&self) -> usize {
        self.id()
    }
    fn type_id(&self) -> TypeId {
        TypeId::of::<T>()
    }
    fn ticket(&self, mode: Mode) -> Ticket {
        self.ticket(mode)
    }
}
