//! Systems by derive: what a task touches is said once, in types.

mod access;
mod binding;
mod cpu;
#[doc(hidden)]
pub mod derived;
#[cfg(feature = "derive")]
pub(crate) mod derives;
mod found;
mod member;
mod registry;

pub use access::{CpuResourceMeta, GpuResourceAccess, ResourceAccess};
pub use binding::Binding;
pub use cpu::{CpuData, CpuRef};
pub use member::{Act, CpuAccess, CpuMember, EachGuard, GpuMember, Guards, Member, Members, Record, Run};
pub use registry::{Registered, Registry};

pub(crate) use binding::CpuUse;
pub(crate) use cpu::{Guard, Ticket};
pub(crate) use found::{Found, FoundHandle};
