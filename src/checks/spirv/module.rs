//! What a SPIR-V module declares: types with their layout, constants, variables, functions.
//!
//! A walk over the words, in the order in which the specification puts them. Only what addresses need is kept.

use rustc_hash::FxHashMap;
use spirv::{Decoration, Op, StorageClass};

/// An id of the module.
pub(super) type Id = u32;

/// A SPIR-V module, as far as addresses in it go.
#[derive(Default)]
pub(super) struct Module<'w> {
    types: FxHashMap<Id, Type>,
    /// Of struct members, and of array types under member [`WHOLE`].
    layout: FxHashMap<(Id, u32), u32>,
    names: FxHashMap<(Id, u32), String>,
    /// Integers, and 0 for what is null.
    constants: FxHashMap<Id, Constant>,
    /// Outside of functions.
    pub(super) variables: Vec<Variable>,
    pub(super) functions: FxHashMap<Id, Function<'w>>,
    /// The function that the entry point `main` is.
    pub(super) main: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Int { bytes: u32 },
    Float { bytes: u32 },
    Vector { of: Id, count: u32 },
    Matrix,
    Array { of: Id, count: Option<u32> },
    Struct { members: Vec<Id> },
    Pointer { storage: StorageClass, to: Id },
}

#[derive(Clone, Copy)]
struct Constant {
    of: Id,
    value: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Variable {
    pub(super) id: Id,
    pub(super) ty: Id,
    pub(super) storage: StorageClass,
}

#[derive(Default)]
pub(super) struct Function<'w> {
    /// Types and ids.
    pub(super) parameters: Vec<(Id, Id)>,
    pub(super) body: Vec<Instruction<'w>>,
}

#[derive(Clone, Copy)]
pub(super) struct Instruction<'w> {
    /// `None`: not known here.
    pub(super) op: Option<Op>,
    pub(super) operands: &'w [u32],
}

/// Where one step of an access chain leads.
pub(super) struct Step {
    pub(super) ty: Id,
    pub(super) bytes: u32,
    /// Of an array whose index is not constant: the distance of its elements, and how many it has.
    pub(super) any_of: Option<(u32, Option<u32>)>,
    /// Whether the place within what was stepped into is not known.
    pub(super) is_lost: bool,
}

/// In place of a member's number: the type itself.
const WHOLE: u32 = u32::MAX;
const HEADER: usize = 5;
/// Types nest no deeper, by SPIR-V's own limits; what is no good might hold itself.
const MOST_NESTED: usize = 256;

impl<'w> Module<'w> {
    /// Reads words that begin with a header of SPIR-V. What cannot be read ends it: drivers will have their say about that.
    pub(super) fn read(words: &'w [u32]) -> Self {
        let mut module = Self::default();
        let mut function = None;
        for instruction in instructions(words) {
            module.take(instruction, &mut function);
        }
        module
    }

    fn take(&mut self, instruction: Instruction<'w>, function: &mut Option<Id>) {
        let operands = instruction.operands;
        match (instruction.op, operands) {
            (Some(Op::Function), &[_, id, ..]) => {
                *function = Some(id);
                self.functions.insert(id, Function::default());
            }
            (Some(Op::FunctionEnd), _) => *function = None,
            (Some(Op::Line | Op::NoLine), _) => {}
            _ => match function.and_then(|id| self.functions.get_mut(&id)) {
                Some(function) => function.take(instruction),
                None => self.declare(instruction),
            },
        }
    }

    fn declare(&mut self, Instruction { op, operands }: Instruction<'w>) {
        let Some(op) = op else { return };
        match (op, operands) {
            (Op::EntryPoint, &[_, function, ref rest @ ..]) if text(rest) == "main" => self.main = Some(function),
            (Op::Name, &[id, ref rest @ ..]) => self.name(id, WHOLE, rest),
            (Op::MemberName, &[id, member, ref rest @ ..]) => self.name(id, member, rest),
            (Op::Decorate, &[id, kind, value, ..]) if kind == Decoration::ArrayStride as u32 => {
                self.layout.insert((id, WHOLE), value);
            }
            (Op::MemberDecorate, &[id, member, kind, value, ..]) if kind == Decoration::Offset as u32 => {
                self.layout.insert((id, member), value);
            }
            (Op::Constant | Op::SpecConstant, &[of, id, low, ref rest @ ..]) => {
                // What a constant is specialised to is not known here, but only arrays' lengths are made of those.
                let value = u64::from(low) | rest.first().map_or(0, |&high| u64::from(high) << 32);
                self.constants.insert(id, Constant { of, value });
            }
            (Op::ConstantNull | Op::Undef, &[of, id, ..]) => {
                self.constants.insert(id, Constant { of, value: 0 });
            }
            (Op::Variable, &[ty, id, storage, ..]) => {
                let storage = StorageClass::from_u32(storage).unwrap_or(StorageClass::Private);
                self.variables.push(Variable { id, ty, storage });
            }
            _ => self.declare_type(op, operands),
        }
    }

    fn declare_type(&mut self, op: Op, operands: &[u32]) {
        let (id, ty) = match (op, operands) {
            (Op::TypeInt, &[id, bits, ..]) => (id, Type::Int { bytes: bits / 8 }),
            (Op::TypeFloat, &[id, bits, ..]) => (id, Type::Float { bytes: bits / 8 }),
            (Op::TypeVector, &[id, of, count, ..]) => (id, Type::Vector { of, count }),
            (Op::TypeMatrix, &[id, ..]) => (id, Type::Matrix),
            (Op::TypeArray, &[id, of, count, ..]) => {
                let count = self.constants.get(&count).map(|count| count.value.min(u64::from(u32::MAX)) as u32);
                (id, Type::Array { of, count })
            }
            (Op::TypeRuntimeArray, &[id, of, ..]) => (id, Type::Array { of, count: None }),
            (Op::TypeStruct, &[id, ref members @ ..]) => (id, Type::Struct { members: members.to_vec() }),
            (Op::TypePointer, &[id, storage, to, ..]) => {
                let storage = StorageClass::from_u32(storage).unwrap_or(StorageClass::Private);
                (id, Type::Pointer { storage, to })
            }
            _ => return,
        };
        self.types.insert(id, ty);
    }

    fn name(&mut self, id: Id, member: u32, words: &[u32]) {
        self.names.insert((id, member), text(words));
    }

    /// Whether the compiler left names.
    pub(super) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// The name of a variable, where the compiler left it.
    pub(super) fn name_of(&self, id: Id) -> &str {
        self.names.get(&(id, WHOLE)).map_or("", String::as_str)
    }

    /// What a pointer of this type points to.
    pub(super) fn pointee(&self, pointer: Id) -> Option<(StorageClass, Id)> {
        match self.types.get(&pointer)? {
            Type::Pointer { storage, to } => Some((*storage, *to)),
            _ => None,
        }
    }

    /// The type and value of a constant integer; of what is null, 0.
    pub(super) fn constant(&self, id: Id) -> Option<(Id, u64)> {
        self.constants.get(&id).map(|constant| (constant.of, constant.value))
    }

    /// Whether a value of this type is as wide as an address, and may be one.
    pub(super) fn is_address(&self, ty: Id) -> bool {
        match self.types.get(&ty) {
            Some(Type::Int { bytes: 8 }) => true,
            Some(Type::Pointer { storage, .. }) => *storage == StorageClass::PhysicalStorageBuffer,
            Some(&Type::Vector { of, count: 2 }) => self.types.get(&of) == Some(&Type::Int { bytes: 4 }),
            _ => false,
        }
    }

    /// Whether there may be an address in a value of this type.
    pub(super) fn holds_addresses(&self, ty: Id) -> bool {
        self.holds_addresses_within(ty, MOST_NESTED)
    }

    fn holds_addresses_within(&self, ty: Id, depth: usize) -> bool {
        let Some(depth) = depth.checked_sub(1) else { return true };
        match self.types.get(&ty) {
            Some(Type::Struct { members }) => members.iter().any(|&member| self.holds_addresses_within(member, depth)),
            Some(&Type::Array { of, .. }) => self.holds_addresses_within(of, depth),
            _ => self.is_address(ty),
        }
    }

    /// One step into a value of type `ty`; `index` is the constant one, or `None`.
    pub(super) fn step(&self, ty: Id, index: Option<u32>) -> Option<Step> {
        let at = |ty, bytes| Step { ty, bytes, any_of: None, is_lost: false };
        let lost = |ty| Step { is_lost: true, ..at(ty, 0) };
        match (self.types.get(&ty)?, index) {
            (Type::Struct { members }, Some(index)) => {
                let member = *members.get(index as usize)?;
                Some(self.layout.get(&(ty, index)).map_or_else(|| lost(member), |&offset| at(member, offset)))
            }
            (&Type::Array { of, count }, index) => Some(match (self.layout.get(&(ty, WHOLE)), index) {
                (Some(&stride), Some(index)) => at(of, index.saturating_mul(stride)),
                (Some(&stride), None) => Step { any_of: Some((stride, count)), ..at(of, 0) },
                (None, _) => lost(of),
            }),
            (&Type::Vector { of, .. }, Some(index)) => Some(at(of, index.saturating_mul(self.bytes_of(of)?))),
            (&Type::Vector { of, .. }, None) => Some(lost(of)),
            _ => None,
        }
    }

    fn bytes_of(&self, scalar: Id) -> Option<u32> {
        match self.types.get(&scalar)? {
            Type::Int { bytes } | Type::Float { bytes } => Some(*bytes),
            _ => None,
        }
    }

    /// How a step is written: `.cells`, `[3]`, `[..]`; nothing for an array that is all there is in its block.
    pub(super) fn written(&self, ty: Id, index: Option<u32>) -> String {
        match (self.types.get(&ty), index) {
            (Some(Type::Struct { .. }), Some(index)) => match self.names.get(&(ty, index)) {
                Some(name) if !name.is_empty() => format!(".{name}"),
                _ => format!(".{index}"),
            },
            (_, Some(index)) => format!("[{index}]"),
            (_, None) => "[..]".to_owned(),
        }
    }
}

impl<'w> Function<'w> {
    fn take(&mut self, instruction: Instruction<'w>) {
        match (instruction.op, instruction.operands) {
            (Some(Op::FunctionParameter), &[ty, id, ..]) => self.parameters.push((ty, id)),
            _ => self.body.push(instruction),
        }
    }
}

/// The instructions after the header, as far as their lengths make sense.
fn instructions(words: &[u32]) -> impl Iterator<Item = Instruction<'_>> {
    let mut rest = words.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let first = *rest.first()?;
        let (length, number) = ((first >> 16) as usize, first & 0xFFFF);
        let operands = rest.get(1..length.max(1))?;
        rest = rest.get(length.max(1)..)?;
        Some(Instruction { op: Op::from_u32(number), operands })
    })
}

/// A literal string: bytes from the lowest of each word on, up to the first 0.
fn text(words: &[u32]) -> String {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
