//! The numbers that a shader expects in its push constants, and where.

use spirv::StorageClass;

use super::module::{Id, Module, Type, WHOLE};

/// What kind of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberKind {
    /// Signed or not: their bits are the same.
    Integer,
    Float,
    /// The address of a buffer: an integer of 8 bytes, or two of 4.
    Address,
}

/// One number in a block of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// Its first byte.
    pub(crate) at: u32,
    pub(crate) bytes: u32,
    pub(crate) kind: NumberKind,
    /// What leads to it: `.scale`, `.corners[1].x`. Empty where the compiler left no names.
    pub(crate) path: String,
}

/// As many numbers as push constants can hold: what says that it has more is not believed.
const MOST: usize = 256;
/// Types nest no deeper, by SPIR-V's own limits.
const MOST_NESTED: usize = 256;

/// The numbers of a shader's push constants, in the order of its declaration; none for a shader that has none. `None` if they cannot be
/// told.
pub(crate) fn push_constants(module: &Module<'_>) -> Option<Vec<Number>> {
    let mut numbers = Vec::new();
    for variable in module.variables.iter().filter(|variable| variable.storage == StorageClass::PushConstant) {
        let (_, block) = module.pointee(variable.ty)?;
        add(module, block, 0, String::new(), MOST_NESTED, &mut numbers)?;
    }
    if !module.has_names() {
        numbers.iter_mut().for_each(|number| number.path.clear());
    }
    Some(numbers)
}

fn add(module: &Module<'_>, ty: Id, at: u32, path: String, depth: usize, to: &mut Vec<Number>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    let mut number = |bytes, kind, path| {
        to.push(Number { at, bytes, kind, path });
        (to.len() <= MOST).then_some(())
    };
    match module.types.get(&ty)? {
        &Type::Int { bytes } => number(bytes, NumberKind::Integer, path),
        &Type::Float { bytes } => number(bytes, NumberKind::Float, path),
        Type::Pointer { .. } => number(8, NumberKind::Address, path),
        Type::Struct { members } => {
            for (index, &member) in members.iter().enumerate() {
                let index = index as u32;
                let offset = *module.layout.get(&(ty, index))?;
                let path = path.clone() + &module.written(ty, Some(index));
                let at = at.checked_add(offset)?;
                match (module.types.get(&member)?, module.matrix_strides.get(&(ty, index))) {
                    (&Type::Matrix { columns, count }, Some(&stride)) => {
                        each(module, columns, count, stride, (at, &path), depth, to)?;
                    }
                    _ => add(module, member, at, path, depth, to)?,
                }
            }
            Some(())
        }
        &Type::Vector { of, count } => {
            let bytes = module.bytes_of(of)?;
            each(module, of, count, bytes, (at, &path), depth, to)
        }
        // In an array: the stride of its columns is said further out.
        Type::Matrix { .. } => None,
        &Type::Array { of, count } => {
            let stride = *module.layout.get(&(ty, WHOLE))?;
            each(module, of, count?, stride, (at, &path), depth, to)
        }
    }
}

fn each(
    module: &Module<'_>,
    of: Id,
    count: u32,
    stride: u32,
    (at, path): (u32, &str),
    depth: usize,
    to: &mut Vec<Number>,
) -> Option<()> {
    for index in 0..count.min(MOST as u32 + 1) {
        add(module, of, at.checked_add(index.checked_mul(stride)?)?, format!("{path}[{index}]"), depth, to)?;
    }
    Some(())
}
