//! Systems of a schedule that conflict, found while it is compiled: of those that find what they touch in a registry.

use std::marker::PhantomData;

use crate::{
    resource::{GpuResourceMeta, Mode},
    system::Member,
};

/// A member of a stage.
pub const fn member<M: Member>(system: &M) -> &dyn Member {
    system
}

/// What a system touches that finds it in a registry.
#[derive(Clone, Copy)]
pub struct Touched {
    /// The system.
    pub name: &'static str,
    /// What it reads and writes on the GPU.
    pub gpu: [&'static [GpuResourceMeta]; 2],
    /// And on the CPU.
    pub cpu: &'static [Touch],
}

/// One of these.
#[derive(Clone, Copy)]
pub struct Touch {
    /// The same for one type in one module.
    pub identity: &'static str,
    /// The type as it is written.
    pub type_name: &'static str,
    /// Of several, which.
    pub instance: Option<&'static str>,
    /// How.
    pub mode: Mode,
}

impl Touched {
    const fn len(&self) -> usize {
        self.gpu[0].len() + self.gpu[1].len() + self.cpu.len()
    }

    const fn get(&self, index: usize) -> Touch {
        let [reads, writes] = self.gpu;
        if index >= reads.len() + writes.len() {
            return self.cpu[index - reads.len() - writes.len()];
        }
        let meta = if index < reads.len() { &reads[index] } else { &writes[index - reads.len()] };
        let GpuResourceMeta { identity, type_name, instance, .. } = *meta;
        Touch { identity, type_name, instance, mode: meta.access.mode }
    }
}

/// Implemented by the derive for systems without fields.
pub trait Finds {
    /// What it touches.
    const TOUCHED: Touched;
}

/// Has what `T` touches as `TOUCHED`, if that is known: its own constant goes before that of [`NotTouched`].
pub struct TouchProbe<T>(PhantomData<T>);

impl<T: Finds> TouchProbe<T> {
    /// What it touches.
    pub const TOUCHED: Option<Touched> = Some(T::TOUCHED);
}

/// What a system touches of which that is not known before it runs.
pub trait NotTouched {
    /// Nothing.
    const TOUCHED: Option<Touched> = None;
}

impl<T> NotTouched for TouchProbe<T> {}

/// What is wrong between two systems, in parts of a sentence; nothing, where nothing is.
pub struct Conflict([&'static str; PARTS]);

const PARTS: usize = 12;

/// Looks for the first of `others` that conflicts with a system: with their stages, none of which is in an order with its own.
#[must_use]
pub const fn conflict(one: (&'static str, Option<Touched>), others: &[(&'static str, Option<Touched>)]) -> Conflict {
    let mut index = 0;
    while index < others.len() {
        if let ((stage, Some(later)), (earlier_stage, Some(earlier))) = (one, others[index])
            && let Some(touch) = both(&earlier, &later)
        {
            return Conflict(told((earlier_stage, earlier.name), (stage, later.name), touch));
        }
        index += 1;
    }
    Conflict([""; PARTS])
}

/// What both touch, one of them writing.
const fn both(a: &Touched, b: &Touched) -> Option<Touch> {
    let mut i = 0;
    while i < a.len() {
        let mut j = 0;
        while j < b.len() {
            let (one, other) = (a.get(i), b.get(j));
            if same(one.identity, other.identity)
                && same(or_empty(one.instance), or_empty(other.instance))
                && !one.mode.goes_beside(other.mode)
            {
                return Some(one);
            }
            j += 1;
        }
        i += 1;
    }
    None
}

const fn told(
    (earlier_stage, earlier): (&'static str, &'static str),
    (stage, later): (&'static str, &'static str),
    touch: Touch,
) -> [&'static str; PARTS] {
    let [cure, what, middle, whose, end] = if same(earlier_stage, stage) {
        ["put `", later, "` into a stage of its own, with `after = \"", stage, "\"`"]
    } else {
        ["write `after = \"", earlier_stage, "\"` on the stage `", stage, "`"]
    };
    let why = "`, one of them writes it, and nothing says which comes first: ";
    ["systems `", earlier, "` and `", later, "` both touch `", touch.type_name, why, cure, what, middle, whose, end]
}

const fn or_empty(instance: Option<&'static str>) -> &'static str {
    match instance {
        Some(name) => name,
        None => "",
    }
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

impl Conflict {
    /// How many bytes it takes to say.
    #[must_use]
    pub const fn len(&self) -> usize {
        let (mut length, mut part) = (0, 0);
        while part < PARTS {
            length += self.0[part].len();
            part += 1;
        }
        length
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sentence.
    #[must_use]
    pub const fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [b' '; N];
        let (mut at, mut part) = (0, 0);
        while part < PARTS {
            let text = self.0[part].as_bytes();
            let mut index = 0;
            while index < text.len() && at < N {
                bytes[at] = text[index];
                at += 1;
                index += 1;
            }
            part += 1;
        }
        bytes
    }
}

/// The sentence as text.
#[must_use]
pub const fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // It is made of whole strings.
        Err(_) => "two systems conflict",
    }
}
