//! The walk through a shader's code: which addresses it reads or writes through.
//!
//! Every value is a set of origins. The walk goes through each call as if it stood where it is called, and starts anew until
//! nothing is added: so loops and variables come out whatever order things are in. Branches are taken for possible, all of
//! them.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use spirv::{Op, StorageClass};

use super::{
    place::{PlaceId, Places},
    value::{ANY, Call, GLOBAL, Local, Origin, Value},
};
use crate::spirv::{Id, Instruction, Module};

/// What is done through an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Touch {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
}

impl Touch {
    const READ: Self = Self { reads: true, writes: false };
    const WRITE: Self = Self { reads: false, writes: true };
    const BOTH: Self = Self { reads: true, writes: true };
}

/// What the walk found.
pub(super) struct Found {
    pub(super) places: Places,
    /// By where the address lies.
    pub(super) touches: BTreeMap<PlaceId, Touch>,
    /// Whether that is all.
    pub(super) is_all: bool,
}

/// Instructions that are walked at the most, calls and rounds included: far more than any sane shader has.
const MOST_STEPS: usize = 4_000_000;
/// Usual shaders take two or three.
const MOST_ROUNDS: usize = 64;
/// SPIR-V knows no recursion, but what is no good might.
const MOST_DEEP: usize = 64;

struct Walk<'m, 'w> {
    module: &'m Module<'w>,
    places: Places,
    values: FxHashMap<(Call, Id), Value>,
    /// What variables hold.
    memory: FxHashMap<Local, Value>,
    /// The types of values.
    types: FxHashMap<Id, Id>,
    /// By caller and instruction.
    calls: FxHashMap<(Call, Id), Call>,
    returned: FxHashMap<Call, Value>,
    touches: BTreeMap<PlaceId, Touch>,
    has_grown: bool,
    is_all: bool,
    steps: usize,
    depth: usize,
}

/// Walks through a module from its entry point on.
pub(super) fn walk(module: &Module<'_>) -> Found {
    let mut walk = Walk {
        module,
        places: Places::default(),
        values: FxHashMap::default(),
        memory: FxHashMap::default(),
        types: FxHashMap::default(),
        calls: FxHashMap::default(),
        returned: FxHashMap::default(),
        touches: BTreeMap::new(),
        has_grown: true,
        is_all: true,
        steps: 0,
        depth: 0,
    };
    walk.declare_variables();
    let mut rounds = 0;
    while walk.has_grown && walk.steps < MOST_STEPS && rounds < MOST_ROUNDS {
        rounds += 1;
        (walk.has_grown, walk.is_all) = (false, true);
        match module.main {
            Some(main) => walk.function(main, 0),
            None => walk.is_all = false,
        }
    }
    let Walk { places, touches, is_all, has_grown, .. } = walk;
    let is_all = is_all && !has_grown && !places.are_full();
    Found { places, touches, is_all }
}

impl Walk<'_, '_> {
    fn declare_variables(&mut self) {
        for variable in &self.module.variables {
            let origin = match variable.storage {
                StorageClass::PushConstant => {
                    Origin::Address(self.places.push_constants(self.module.name_of(variable.id)))
                }
                _ => Origin::Local((GLOBAL, variable.id), Vec::new()),
            };
            self.types.insert(variable.id, variable.ty);
            self.values.insert((GLOBAL, variable.id), Value::of(origin));
        }
    }

    fn function(&mut self, id: Id, call: Call) {
        let Some(function) = self.module.functions.get(&id).filter(|_| self.depth < MOST_DEEP) else {
            self.is_all = false;
            return;
        };
        self.depth += 1;
        for (ty, parameter) in &function.parameters {
            self.types.insert(*parameter, *ty);
        }
        for instruction in &function.body {
            self.steps += 1;
            if self.steps < MOST_STEPS {
                self.instruction(call, instruction);
            }
        }
        self.is_all &= self.steps < MOST_STEPS;
        self.depth -= 1;
    }

    fn instruction(&mut self, call: Call, &Instruction { op, operands }: &Instruction<'_>) {
        let Some(op) = op else { return self.puzzles(call, operands) };
        match (op, operands) {
            (Op::Variable, &[ty, id, _, ref initial @ ..]) => {
                self.set(call, ty, id, Value::of(Origin::Local((call, id), Vec::new())));
                if let Some(&initial) = initial.first() {
                    self.store(call, id, self.value(call, initial));
                }
            }
            (Op::Load, &[ty, id, pointer, ..]) => {
                let value = self.load(call, pointer, ty);
                self.set(call, ty, id, value);
            }
            (Op::Store, &[pointer, value, ..]) => self.store(call, pointer, self.value(call, value)),
            (Op::CopyMemory | Op::CopyMemorySized, &[to, from, ..]) => {
                let ty = self.types.get(&from).and_then(|&pointer| self.module.pointee(pointer)).map(|(_, ty)| ty);
                let value = ty.map(|ty| self.load(call, from, ty)).unwrap_or_default();
                self.store(call, to, value);
            }
            (Op::AccessChain | Op::InBoundsAccessChain, &[ty, id, base, ref indices @ ..]) => {
                let value = self.access(call, base, indices);
                self.set(call, ty, id, value);
            }
            (Op::PtrAccessChain | Op::InBoundsPtrAccessChain, &[ty, id, base, element, ref indices @ ..]) => {
                let at = self.module.constant(element).map(|(_, index)| index);
                let mut value = self.access(call, base, indices);
                if at != Some(0) {
                    value = self.moved(&value);
                }
                self.set(call, ty, id, value);
            }
            (Op::FunctionCall, &[ty, id, function, ref arguments @ ..]) => self.call(call, ty, id, function, arguments),
            (Op::ReturnValue, &[value]) => {
                let value = self.value(call, value);
                self.has_grown |= self.returned.entry(call).or_default().add(value);
            }
            _ => self.compute(call, op, operands),
        }
    }

    /// What makes a value of others.
    fn compute(&mut self, call: Call, op: Op, operands: &[u32]) {
        let (ty, id, value) = match (op, operands) {
            (Op::CopyObject | Op::CopyLogical | Op::ConvertPtrToU, &[ty, id, from, ..]) => {
                (ty, id, self.value(call, from))
            }
            (Op::Bitcast | Op::ConvertUToPtr, &[ty, id, from, ..]) => (ty, id, self.value(call, from).joined(ty)),
            (Op::Select, &[ty, id, _, yes, no]) => {
                let mut value = self.value(call, yes);
                value.add(self.value(call, no));
                (ty, id, value)
            }
            (Op::Phi, &[ty, id, ref pairs @ ..]) => {
                let mut value = Value::default();
                pairs.iter().step_by(2).for_each(|&from| _ = value.add(self.value(call, from)));
                (ty, id, value)
            }
            (Op::CompositeConstruct, &[ty, id, ref parts @ ..]) => {
                let mut value = Value::default();
                for (index, &part) in (0..).zip(parts) {
                    value.add(self.value(call, part).under(&[index]));
                }
                (ty, id, value)
            }
            (Op::CompositeExtract, &[ty, id, from, ref path @ ..]) => (ty, id, self.part(self.value(call, from), path)),
            (Op::CompositeInsert, &[ty, id, part, into, ref path @ ..]) => {
                let mut value = self.value(call, into).without(path);
                value.add(self.value(call, part).under(path));
                (ty, id, value)
            }
            // An address with something added, or its lowest bits cleared, is somewhere in the same memory.
            (Op::IAdd | Op::ISub | Op::BitwiseAnd | Op::BitwiseOr, &[ty, id, a, b]) if self.module.is_address(ty) => {
                let mut value = self.moved(&self.value(call, a));
                value.add(self.moved(&self.value(call, b)));
                (ty, id, value)
            }
            (
                Op::GroupNonUniformBroadcast
                | Op::GroupNonUniformBroadcastFirst
                | Op::GroupNonUniformShuffle
                | Op::GroupNonUniformShuffleXor
                | Op::GroupNonUniformShuffleUp
                | Op::GroupNonUniformShuffleDown,
                &[ty, id, _, from, ..],
            ) => (ty, id, self.value(call, from)),
            _ => return self.touch_atomically(call, op, operands),
        };
        self.set(call, ty, id, value);
    }

    fn touch_atomically(&mut self, call: Call, op: Op, operands: &[u32]) {
        match (op, operands) {
            (Op::AtomicLoad | Op::CooperativeMatrixLoadKHR, &[_, _, pointer, ..]) => {
                self.touch(call, pointer, Touch::READ);
            }
            (Op::AtomicStore | Op::AtomicFlagClear | Op::CooperativeMatrixStoreKHR, &[pointer, ..]) => {
                self.touch(call, pointer, Touch::WRITE);
            }
            (
                Op::AtomicExchange
                | Op::AtomicCompareExchange
                | Op::AtomicCompareExchangeWeak
                | Op::AtomicIIncrement
                | Op::AtomicIDecrement
                | Op::AtomicIAdd
                | Op::AtomicISub
                | Op::AtomicSMin
                | Op::AtomicUMin
                | Op::AtomicSMax
                | Op::AtomicUMax
                | Op::AtomicAnd
                | Op::AtomicOr
                | Op::AtomicXor
                | Op::AtomicFlagTestAndSet
                | Op::AtomicFAddEXT
                | Op::AtomicFMinEXT
                | Op::AtomicFMaxEXT,
                &[_, _, pointer, ..],
            ) => {
                self.touch(call, pointer, Touch::BOTH);
            }
            (Op::PtrEqual | Op::PtrNotEqual | Op::PtrDiff, _) => {}
            _ => self.puzzles(call, operands),
        }
    }

    /// An instruction of which nothing is known here: if it has a pointer to memory, that may be touched.
    fn puzzles(&mut self, call: Call, operands: &[u32]) {
        let is_pointer = |id: &u32| {
            let storage = self.types.get(id).and_then(|&ty| self.module.pointee(ty)).map(|(storage, _)| storage);
            storage == Some(StorageClass::PhysicalStorageBuffer) && !self.value(call, *id).is_empty()
        };
        self.is_all &= !operands.iter().any(is_pointer);
    }

    fn call(&mut self, from: Call, ty: Id, id: Id, function: Id, arguments: &[u32]) {
        let next = self.calls.len() + 1;
        let call = *self.calls.entry((from, id)).or_insert(next);
        let parameters = self.module.functions.get(&function).map_or(&[][..], |function| &function.parameters);
        for (&(ty, parameter), &argument) in parameters.iter().zip(arguments) {
            let value = self.value(from, argument);
            self.set(call, ty, parameter, value);
        }
        self.function(function, call);
        let value = self.returned.get(&call).cloned().unwrap_or_default();
        self.set(from, ty, id, value);
    }

    fn set(&mut self, call: Call, ty: Id, id: Id, value: Value) {
        self.types.insert(id, ty);
        if !value.is_empty() {
            let known = self.values.entry((call, id)).or_default();
            self.has_grown |= known.add(value);
            self.is_all &= !known.is_full();
        }
    }

    fn value(&self, call: Call, id: Id) -> Value {
        if let Some(value) = self.values.get(&(call, id)).or_else(|| self.values.get(&(GLOBAL, id))) {
            return value.clone();
        }
        match self.module.constant(id) {
            Some((_, 0)) => Value::of(Origin::Null),
            _ => Value::default(),
        }
    }

    fn part(&mut self, value: Value, path: &[u32]) -> Value {
        path.iter().fold(value, |value, &index| value.part(index, self.module, &mut self.places))
    }

    /// The pointer to a part of what a pointer points to.
    fn access(&mut self, call: Call, base: Id, indices: &[u32]) -> Value {
        let constant = |id: &u32| self.module.constant(*id).map_or(ANY, |(_, index)| index as u32);
        let path: Vec<_> = indices.iter().map(constant).collect();
        let pointee = self.types.get(&base).and_then(|&pointer| self.module.pointee(pointer)).map(|(_, ty)| ty);
        let mut found = Value::default();
        for origin in self.value(call, base).origins() {
            let origin = match (origin, pointee) {
                (Origin::Null, _) => Some(Origin::Null),
                (Origin::Local(local, start), _) => Some(Origin::Local(*local, [start, path.as_slice()].concat())),
                (memory, Some(pointee)) => {
                    self.target(memory).map(|place| Origin::Address(self.walk_to(place, pointee, &path)))
                }
                _ => None,
            };
            origin.into_iter().for_each(|origin| _ = found.add(Value::of(origin)));
        }
        found
    }

    fn walk_to(&mut self, mut place: PlaceId, mut ty: Id, path: &[u32]) -> PlaceId {
        for &index in path {
            let constant = (index != ANY).then_some(index);
            let Some(step) = self.module.step(ty, constant) else { return self.places.somewhere(place) };
            place = self.places.part(place, self.module, ty, constant, &step);
            ty = step.ty;
        }
        place
    }

    /// What an address points to.
    fn target(&mut self, origin: &Origin) -> Option<PlaceId> {
        match *origin {
            Origin::Address(place) => Some(place),
            Origin::Contents(place, ty) if self.module.is_address(ty) => self.places.behind(place),
            _ => None,
        }
    }

    /// An address of the same memory.
    fn moved(&mut self, value: &Value) -> Value {
        let mut moved = Value::default();
        for origin in value.origins() {
            if let Some(place) = self.target(origin) {
                let place = self.places.somewhere(place);
                moved.add(Value::of(Origin::Address(place)));
            }
        }
        moved
    }

    fn load(&mut self, call: Call, pointer: Id, ty: Id) -> Value {
        let mut value = Value::default();
        for place in self.touch(call, pointer, Touch::READ) {
            if self.module.holds_addresses(ty) {
                value.add(Value::of(Origin::Contents(place, ty)));
            }
        }
        for origin in self.value(call, pointer).origins() {
            if let Origin::Local(local, path) = origin {
                let held = self.memory.get(local).cloned().unwrap_or_default();
                let part = self.part(held, path);
                value.add(part);
            }
        }
        value
    }

    fn store(&mut self, call: Call, pointer: Id, value: Value) {
        self.touch(call, pointer, Touch::WRITE);
        if value.is_empty() {
            return;
        }
        for origin in self.value(call, pointer).origins() {
            if let Origin::Local(local, path) = origin {
                let value = value.clone().under(path);
                let known = self.memory.entry(*local).or_default();
                self.has_grown |= known.add(value);
                self.is_all &= !known.is_full();
            }
        }
    }

    /// Notes that memory is touched through a pointer, and gives the places that it may point to.
    fn touch(&mut self, call: Call, pointer: Id, touch: Touch) -> Vec<PlaceId> {
        let value = self.value(call, pointer);
        let mut found = Vec::new();
        for origin in value.origins() {
            match self.target(origin) {
                Some(place) => found.push(place),
                None => self.is_all &= matches!(origin, Origin::Local(..) | Origin::Null),
            }
        }
        self.is_all &= !value.is_empty();
        for &place in &found {
            if let Some(address) = self.places.get(place).behind {
                let known = self.touches.entry(address).or_default();
                let now = Touch { reads: known.reads | touch.reads, writes: known.writes | touch.writes };
                self.has_grown |= std::mem::replace(known, now) != now;
            }
        }
        found
    }
}
