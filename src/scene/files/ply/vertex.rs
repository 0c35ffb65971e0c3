//! A vertex: the properties of it that make a cube.

use glam::DVec3;
use ply_rs_bw::ply::{PropertyAccess, PropertyAccessResult, ScalarType};

use super::super::points::Shade;

/// A vertex's place and colour; of other elements' items nothing is kept.
#[derive(Debug, Default)]
pub(super) struct Vertex {
    place: [f64; 3],
    color: [f32; 3],
    /// Whether the colour's type says that it goes to 1 here.
    unit: bool,
}

impl Vertex {
    /// What colours are called.
    pub(super) const COLORS: [[&'static str; 3]; 3] =
        [["red", "green", "blue"], ["r", "g", "b"], ["diffuse_red", "diffuse_green", "diffuse_blue"]];

    /// Takes a property's value, if it is one of those that are needed.
    pub(super) fn set(&mut self, name: &str, value: f64, of: &ScalarType) {
        let channel = match name {
            "x" => return self.place[0] = value,
            "y" => return self.place[1] = value,
            "z" => return self.place[2] = value,
            "red" | "r" | "diffuse_red" => 0,
            "green" | "g" | "diffuse_green" => 1,
            "blue" | "b" | "diffuse_blue" => 2,
            _ => return,
        };
        let most = match of {
            ScalarType::Char => i8::MAX.into(),
            ScalarType::UChar => u8::MAX.into(),
            ScalarType::Short => i16::MAX.into(),
            ScalarType::UShort => u16::MAX.into(),
            // Wider ones hold bytes in practice, or 0 to 1.
            ScalarType::Int | ScalarType::UInt | ScalarType::Float | ScalarType::Double => 0.0,
        };
        self.unit = most > 0.0;
        self.color[channel] = if self.unit { value / most } else { value } as f32;
    }

    pub(super) fn place(&self) -> DVec3 {
        DVec3::from_array(self.place)
    }

    pub(super) fn shade(&self) -> Shade {
        if self.unit { Shade::Unit(self.color) } else { Shade::Number(self.color) }
    }
}

/// One setter of the crate's for each type of number.
macro_rules! setters {
    ($($setter:ident: $number:ty = $of:ident),+) => {
        $(fn $setter(&mut self, name: &str, value: $number) -> PropertyAccessResult {
            self.set(name, value.into(), &ScalarType::$of);
            PropertyAccessResult::Set
        })+
    };
}

impl PropertyAccess for Vertex {
    fn new() -> Self {
        Self::default()
    }

    setters! {
        set_char: i8 = Char, set_uchar: u8 = UChar, set_short: i16 = Short, set_ushort: u16 = UShort,
        set_int: i32 = Int, set_uint: u32 = UInt, set_float: f32 = Float, set_double: f64 = Double
    }

    // Lists are read and dropped.
    fn set_property(&mut self, _: &str, _: ply_rs_bw::ply::Property) -> PropertyAccessResult {
        PropertyAccessResult::Ignored
    }
}
