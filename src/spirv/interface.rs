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

/// More than push constants can hold: what says that it has as many is not believed.
const MOST: usize = 256;
/// Types nest no deeper, by SPIR-V's own limits.
const MOST_NESTED: usize = 256;

/// The numbers of a shader's push constants, in the order of its declaration; none for a shader that has none. `None` if they cannot be
/// told.
pub(crate) fn push_constants(module: &Module<'_>) -> Option<Vec<Number>> {
    let mut walk = Walk { module, numbers: Vec::new() };
    for variable in module.variables_of_main().filter(|variable| variable.storage == StorageClass::PushConstant) {
        let (_, block) = module.pointee(variable.ty)?;
        walk.add(block, &Place { at: 0, path: String::new(), matrices: None }, MOST_NESTED)?;
    }
    if !module.has_names() {
        walk.numbers.iter_mut().for_each(|number| number.path.clear());
    }
    Some(walk.numbers)
}

struct Walk<'m> {
    module: &'m Module<'m>,
    numbers: Vec<Number>,
}

/// Where something lies.
struct Place {
    at: u32,
    path: String,
    /// How the matrices in it lie, which is said of the member of a struct.
    matrices: Option<Matrices>,
}

#[derive(Clone, Copy)]
struct Matrices {
    /// Bytes from a column to the next, or from a row.
    stride: u32,
    row_major: bool,
}

impl Place {
    fn element(&self, index: u32, stride: u32) -> Option<Self> {
        let at = self.at.checked_add(index.checked_mul(stride)?)?;
        Some(Self { at, path: format!("{}[{index}]", self.path), matrices: self.matrices })
    }
}

impl Walk<'_> {
    fn add(&mut self, ty: Id, place: &Place, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.module.types.get(&ty)? {
            &Type::Int { bytes } => self.number(bytes, NumberKind::Integer, place),
            &Type::Float { bytes } => self.number(bytes, NumberKind::Float, place),
            Type::Pointer { .. } => self.number(8, NumberKind::Address, place),
            Type::Struct { members } => members.iter().zip(0..).try_for_each(|(&member, index)| {
                let place = self.member(ty, index, place)?;
                self.add(member, &place, depth)
            }),
            &Type::Vector { of, count } => self.each(of, count, self.module.bytes_of(of)?, place, depth),
            &Type::Matrix { columns, count } => self.matrix(columns, count, place, depth),
            &Type::Array { of, count } => {
                let stride = *self.module.layout.get(&(ty, WHOLE))?;
                self.each(of, count?, stride, place, depth)
            }
        }
    }

    fn number(&mut self, bytes: u32, kind: NumberKind, place: &Place) -> Option<()> {
        self.numbers.push(Number { at: place.at, bytes, kind, path: place.path.clone() });
        (self.numbers.len() < MOST).then_some(())
    }

    fn member(&self, ty: Id, index: u32, place: &Place) -> Option<Place> {
        let (module, key) = (self.module, (ty, index));
        let stride = module.matrix_strides.get(&key);
        Some(Place {
            at: place.at.checked_add(*module.layout.get(&key)?)?,
            path: place.path.clone() + &module.written(ty, Some(index)),
            matrices: stride.map(|&stride| Matrices { stride, row_major: module.row_major.contains(&key) }),
        })
    }

    /// Columns one after the other, or rows.
    fn matrix(&mut self, columns: Id, count: u32, place: &Place, depth: usize) -> Option<()> {
        let Matrices { stride, row_major } = place.matrices?;
        let &Type::Vector { of, count: rows } = self.module.types.get(&columns)? else { return None };
        let (lines, length) = if row_major { (rows, count) } else { (count, rows) };
        let bytes = self.module.bytes_of(of)?;
        (0..lines.min(MOST as u32))
            .try_for_each(|line| self.each(of, length, bytes, &place.element(line, stride)?, depth))
    }

    fn each(&mut self, of: Id, count: u32, stride: u32, place: &Place, depth: usize) -> Option<()> {
        (0..count.min(MOST as u32)).try_for_each(|index| self.add(of, &place.element(index, stride)?, depth))
    }
}
