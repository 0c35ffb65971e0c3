//! Systems as a schedule sees them.

use std::{any::type_name, fmt, future::Future, slice};

use futures::future::BoxFuture;

use super::{Binding, Registry, cpu::Guard, registry::short};
use crate::{
    error::{Error, Result},
    exec::Encoder,
    gpu::QueueKind,
    graph::{Outline, System},
};

/// Records the commands of a system that is derived and touches GPU resources.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a system with GPU resources, but nothing records its commands",
    label = "it lacks `Record`",
    note = "write `impl vulkio::Record for {Self} {{ fn record(&self, cmd: &mut Encoder<'_>) -> vulkio::Result<()> {{ .. }} }}`"
)]
pub trait Record: Send + Sync + 'static {
    /// Records its commands; called once for each graph it was added to, on any thread.
    ///
    /// # Errors
    ///
    /// Whatever makes recording impossible: it fails the graph, and comes out of its `submit` with this system's name.
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()>;
}

/// The CPU data of a system as [`Run::run`] gets it: nothing, a reference, or a tuple of references, in the order of the declaration.
pub trait CpuAccess: Send + Sync + 'static {
    /// References to what it reads.
    type Reads<'a>: Send;
    /// References to what it writes.
    type Writes<'a>: Send;
}

/// Runs a system that is derived and touches CPU data only.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a system of CPU data, but nothing runs it",
    label = "it lacks `Run`",
    note = "write `impl vulkio::Run for {Self} {{ async fn run(&self, reads: .., writes: ..) -> vulkio::Result<()> {{ .. }} }}`"
)]
pub trait Run: CpuAccess {
    /// Does its work, on the runtime.
    ///
    /// # Errors
    ///
    /// Whatever makes it impossible: systems after it that touch what it writes fail with that, in the same run of the schedule.
    fn run<'a>(&'a self, reads: Self::Reads<'a>, writes: Self::Writes<'a>) -> impl Future<Output = Result<()>> + Send;
}

/// What a member does when it is its turn.
pub enum Act<'a> {
    /// A pass of the graph.
    Gpu(&'a dyn GpuMember),
    /// A job beside it.
    Cpu(&'a dyn CpuMember),
}

/// A system that records commands.
pub trait GpuMember {
    /// Records them.
    ///
    /// # Errors
    ///
    /// As [`Record::record`].
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()>;
}

/// A system that runs on the CPU.
pub trait CpuMember {
    /// Runs it with what it declared.
    ///
    /// # Errors
    ///
    /// As [`Run::run`], and if the guards are not those of its data.
    fn run<'a>(&'a self, guards: &'a mut Guards) -> BoxFuture<'a, Result<()>>;
}

/// The CPU data of a system, in the order in which it was declared to the [`Binding`].
pub struct Guards {
    pub(crate) all: Vec<Guard>,
}

impl Guards {
    /// One after the other.
    #[doc(hidden)]
    pub fn each(&mut self) -> EachGuard<'_> {
        EachGuard { rest: self.all.iter_mut() }
    }
}

impl fmt::Debug for Guards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guards").field("count", &self.all.len()).finish()
    }
}

/// The [`Guards`] that were not asked for yet.
#[doc(hidden)]
#[derive(Debug)]
pub struct EachGuard<'a> {
    rest: slice::IterMut<'a, Guard>,
}

impl<'a> EachGuard<'a> {
    /// What the next one guards, to be read.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] if that is something else.
    pub fn read<T: Send + Sync + 'static>(&mut self) -> Result<&'a T> {
        let next: Option<&'a Guard> = self.rest.next().map(|guard| &*guard);
        next.and_then(Guard::get).ok_or_else(|| unfit::<T>("reads"))
    }

    /// What the next one guards, to be written.
    ///
    /// # Errors
    ///
    /// [`Error::Graph`] if that is something else.
    pub fn write<T: Send + Sync + 'static>(&mut self) -> Result<&'a mut T> {
        self.rest.next().and_then(Guard::get_mut).ok_or_else(|| unfit::<T>("writes"))
    }
}

fn unfit<T>(does: &str) -> Error {
    let name = short(type_name::<T>());
    Error::Graph(format!(
        "it {does} CPU data `{name}` in another order than `bind` declares it, or does not declare it so"
    ))
}

/// A system of a schedule: what `#[derive(System)]` makes, or a [`System`] written by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a system",
    label = "not a system",
    note = "derive `vulkio::System` on it, or implement `vulkio::System`"
)]
pub trait Member: Send + Sync + 'static {
    /// Its name, in labels, spans and errors.
    fn name(&self) -> &str;

    /// The queue it asks for.
    fn queue(&self) -> Option<QueueKind> {
        None
    }

    /// Finds what it touches and declares it.
    ///
    /// # Errors
    ///
    /// As [`Registry::get`].
    fn bind(&self, registry: &Registry, to: &mut Binding) -> Result<()>;

    /// Says what GPU resources it touches, as far as that is known without a registry; nothing for one of CPU data.
    fn outline(&self, to: &mut Outline);

    /// What it does.
    fn act(&self) -> Act<'_>;
}

impl<S: System> GpuMember for S {
    fn record(&self, cmd: &mut Encoder<'_>) -> Result<()> {
        System::record(self, cmd)
    }
}

#[diagnostic::do_not_recommend]
impl<S: System> Member for S {
    fn name(&self) -> &str {
        System::name(self)
    }

    fn queue(&self) -> Option<QueueKind> {
        System::queue(self)
    }

    fn bind(&self, _: &Registry, to: &mut Binding) -> Result<()> {
        self.declare(&mut to.uses);
        Ok(())
    }

    fn outline(&self, to: &mut Outline) {
        self.declare(to.uses());
    }

    fn act(&self) -> Act<'_> {
        Act::Gpu(self)
    }
}

/// The systems of a stage: one, or a tuple of up to twelve.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is neither a system nor a tuple of systems",
    label = "no system",
    note = "derive `vulkio::System` on it, or implement `vulkio::System`"
)]
pub trait Members: Send + Sync + 'static {
    /// How many.
    const COUNT: usize;

    /// One of them.
    fn get(&self, index: usize) -> Option<&dyn Member>;
}

#[diagnostic::do_not_recommend]
impl<M: Member> Members for M {
    const COUNT: usize = 1;

    fn get(&self, index: usize) -> Option<&dyn Member> {
        (index == 0).then_some(self as &dyn Member)
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt)+) => {
        impl<$($name: Member),+> Members for ($($name,)+) {
            const COUNT: usize = [$($index),+].len();

            fn get(&self, index: usize) -> Option<&dyn Member> {
                match index {
                    $($index => Some(&self.$index),)+
                    _ => None,
                }
            }
        }
    };
}

tuples!(A 0);
tuples!(A 0 B 1);
tuples!(A 0 B 1 C 2);
tuples!(A 0 B 1 C 2 D 3);
tuples!(A 0 B 1 C 2 D 3 E 4);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10);
tuples!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7 I 8 J 9 K 10 L 11);
