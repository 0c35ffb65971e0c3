//! What a SPIR-V module declares: types with their layout, constants, variables, functions.
//!
//! A walk over the words, in the order in which the specification puts them. Only what vulkio looks at is kept.

use rustc_hash::{FxHashMap, FxHashSet};
use spirv::{BuiltIn, Decoration, ExecutionMode, Op, StorageClass};

/// An id of the module.
pub(crate) type Id = u32;

/// A SPIR-V module, as far as its addresses and its interface go.
#[derive(Default)]
pub(crate) struct Module<'w> {
    version: u32,
    pub(super) types: FxHashMap<Id, Type>,
    /// Of struct members, and of array types under member [`WHOLE`].
    pub(super) layout: FxHashMap<(Id, u32), u32>,
    pub(super) matrix_strides: FxHashMap<(Id, u32), u32>,
    /// Members whose matrices are laid out row by row.
    pub(super) row_major: FxHashSet<(Id, u32)>,
    pub(super) names: FxHashMap<(Id, u32), String>,
    /// Integers, and 0 for what is null.
    constants: FxHashMap<Id, Constant>,
    /// Outside of functions.
    pub(crate) variables: Vec<Variable>,
    pub(crate) functions: FxHashMap<Id, Function<'w>>,
    /// The function that the entry point `main` is.
    pub(crate) main: Option<Id>,
    /// The size of its workgroups, as literals or as constants.
    local_size: Option<LocalSize>,
    /// By constant that can be specialised: its number.
    pub(crate) spec_ids: FxHashMap<Id, u32>,
    /// By number: what constants are specialised to.
    specialized: Vec<(u32, u32)>,
    /// Constants of several parts.
    composites: FxHashMap<Id, Vec<Id>>,
    /// The variables that `main` uses, where the version of SPIR-V has it say them all.
    interface: Option<Vec<Id>>,
    /// The constant that stands for the size of workgroups.
    size_constant: Option<Id>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int { bytes: u32 },
    Float { bytes: u32 },
    Vector { of: Id, count: u32 },
    Matrix { columns: Id, count: u32 },
    Array { of: Id, count: Option<u32> },
    Struct { members: Vec<Id> },
    Pointer { storage: StorageClass, to: Id },
}

/// Where the size of workgroups is said.
#[derive(Clone, Copy, Debug)]
enum LocalSize {
    Literal([u32; 3]),
    Constants([Id; 3]),
}

#[derive(Clone, Copy)]
struct Constant {
    of: Id,
    value: u64,
}

#[derive(Clone, Copy)]
pub(crate) struct Variable {
    pub(crate) id: Id,
    pub(crate) ty: Id,
    pub(crate) storage: StorageClass,
}

#[derive(Default)]
pub(crate) struct Function<'w> {
    /// Types and ids.
    pub(crate) parameters: Vec<(Id, Id)>,
    pub(crate) body: Vec<Instruction<'w>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Instruction<'w> {
    /// `None`: not known here.
    pub(crate) op: Option<Op>,
    pub(crate) operands: &'w [u32],
}

/// Where one step of an access chain leads.
pub(crate) struct Step {
    pub(crate) ty: Id,
    pub(crate) bytes: u32,
    /// Of an array whose index is not constant: the distance of its elements, and how many it has.
    pub(crate) any_of: Option<(u32, Option<u32>)>,
    /// Whether the place within what was stepped into is not known.
    pub(crate) is_lost: bool,
}

/// In place of a member's number: the type itself.
pub(super) const WHOLE: u32 = u32::MAX;
const HEADER: usize = 5;
/// Types nest no deeper, by SPIR-V's own limits; what is no good might hold itself.
const MOST_NESTED: usize = 256;

impl<'w> Module<'w> {
    /// Reads words that begin with a header of SPIR-V. What cannot be read ends it: drivers will have their say about that.
    ///
    /// Constants have the values that `specialized` gives by their numbers, as far as it does.
    pub(crate) fn read(words: &'w [u32], specialized: &[(u32, u32)]) -> Self {
        let version = words.get(1).copied().unwrap_or_default();
        let mut module = Self { version, specialized: specialized.to_vec(), ..Self::default() };
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
            (Op::EntryPoint, &[_, function, ref rest @ ..]) if text(rest) == "main" => {
                self.main = Some(function);
                self.interface = rest.get("main".len() / 4 + 1..).map(<[u32]>::to_vec);
            }
            (Op::ExecutionMode, &[entry, mode, x, y, z])
                if mode == ExecutionMode::LocalSize as u32 && Some(entry) == self.main =>
            {
                self.local_size = Some(LocalSize::Literal([x, y, z]));
            }
            (Op::ExecutionModeId, &[entry, mode, x, y, z])
                if mode == ExecutionMode::LocalSizeId as u32 && Some(entry) == self.main =>
            {
                self.local_size = Some(LocalSize::Constants([x, y, z]));
            }
            (Op::Decorate, &[id, kind, number, ..]) if kind == Decoration::SpecId as u32 => {
                self.spec_ids.insert(id, number);
            }
            (Op::Decorate, &[id, kind, what, ..])
                if kind == Decoration::BuiltIn as u32 && what == BuiltIn::WorkgroupSize as u32 =>
            {
                self.size_constant = Some(id);
            }
            (Op::ConstantComposite | Op::SpecConstantComposite, &[_, id, ref parts @ ..]) => {
                self.composites.insert(id, parts.to_vec());
            }
            (Op::Name, &[id, ref rest @ ..]) => self.name(id, WHOLE, rest),
            (Op::MemberName, &[id, member, ref rest @ ..]) => self.name(id, member, rest),
            (Op::Decorate, &[id, kind, value, ..]) if kind == Decoration::ArrayStride as u32 => {
                self.layout.insert((id, WHOLE), value);
            }
            (Op::MemberDecorate, &[id, member, kind, value, ..]) if kind == Decoration::Offset as u32 => {
                self.layout.insert((id, member), value);
            }
            (Op::MemberDecorate, &[id, member, kind, value, ..]) if kind == Decoration::MatrixStride as u32 => {
                self.matrix_strides.insert((id, member), value);
            }
            (Op::MemberDecorate, &[id, member, kind, ..]) if kind == Decoration::RowMajor as u32 => {
                self.row_major.insert((id, member));
            }
            (Op::Constant | Op::SpecConstant, &[of, id, low, ref rest @ ..]) => {
                let own = u64::from(low) | rest.first().map_or(0, |&high| u64::from(high) << 32);
                let value = self.chosen(id).map_or(own, u64::from);
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
            (Op::TypeMatrix, &[id, columns, count, ..]) => (id, Type::Matrix { columns, count }),
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

    /// What a constant is specialised to, if it is.
    fn chosen(&self, id: Id) -> Option<u32> {
        let number = self.spec_ids.get(&id)?;
        self.specialized.iter().find(|(other, _)| other == number).map(|(_, value)| *value)
    }

    /// The bytes of the constants with this number; `None` for a `bool`.
    pub(crate) fn bytes_of_constant(&self, number: u32) -> Option<u32> {
        let id = self.spec_ids.iter().find(|(_, other)| **other == number).map(|(&id, _)| id)?;
        self.bytes_of(self.constant(id)?.0)
    }

    /// The variables that `main` may use.
    pub(super) fn variables_of_main(&self) -> impl Iterator<Item = &Variable> {
        // "Before version 1.4, the interface's storage classes are limited to the Input and Output storage classes."
        let all = self.version < 0x0001_0400;
        let interface = self.interface.as_deref().unwrap_or_default();
        self.variables.iter().filter(move |variable| all || interface.contains(&variable.id))
    }

    /// Invocations of a workgroup in each direction. `None` if that is not said in a way that is known here.
    pub(crate) fn local_size(&self) -> Option<[u32; 3]> {
        let value = |id: Id| self.constant(id).and_then(|(_, value)| u32::try_from(value).ok());
        let constants = match (self.size_constant.and_then(|id| self.composites.get(&id)), self.local_size?) {
            // "If an object is decorated with the WorkgroupSize decoration, this takes precedence over any LocalSize or LocalSizeId
            // execution mode."
            (Some(parts), _) => <[Id; 3]>::try_from(&parts[..]).ok()?,
            (None, LocalSize::Constants(constants)) => constants,
            (None, LocalSize::Literal(size)) => return Some(size),
        };
        let [x, y, z] = constants.map(value);
        Some([x?, y?, z?])
    }

    /// Whether the compiler left names.
    pub(crate) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// The name of a variable, where the compiler left it.
    pub(crate) fn name_of(&self, id: Id) -> &str {
        self.names.get(&(id, WHOLE)).map_or("", String::as_str)
    }

    /// What a pointer of this type points to.
    pub(crate) fn pointee(&self, pointer: Id) -> Option<(StorageClass, Id)> {
        match self.types.get(&pointer)? {
            Type::Pointer { storage, to } => Some((*storage, *to)),
            _ => None,
        }
    }

    /// The type and value of a constant integer; of what is null, 0.
    pub(crate) fn constant(&self, id: Id) -> Option<(Id, u64)> {
        self.constants.get(&id).map(|constant| (constant.of, constant.value))
    }

    /// Whether a value of this type is as wide as an address, and may be one.
    pub(crate) fn is_address(&self, ty: Id) -> bool {
        match self.types.get(&ty) {
            Some(Type::Int { bytes: 8 }) => true,
            Some(Type::Pointer { storage, .. }) => *storage == StorageClass::PhysicalStorageBuffer,
            Some(&Type::Vector { of, count: 2 }) => self.types.get(&of) == Some(&Type::Int { bytes: 4 }),
            _ => false,
        }
    }

    /// Whether there may be an address in a value of this type.
    pub(crate) fn holds_addresses(&self, ty: Id) -> bool {
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
    pub(crate) fn step(&self, ty: Id, index: Option<u32>) -> Option<Step> {
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

    pub(super) fn bytes_of(&self, scalar: Id) -> Option<u32> {
        match self.types.get(&scalar)? {
            Type::Int { bytes } | Type::Float { bytes } => Some(*bytes),
            _ => None,
        }
    }

    /// How a step is written: `.cells`, `[3]`, `[..]`; nothing for an array that is all there is in its block.
    pub(crate) fn written(&self, ty: Id, index: Option<u32>) -> String {
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
