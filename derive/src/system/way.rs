//! How a system touches a resource, as `#[reads(..)]` and `#[writes(..)]` say it.

use proc_macro2::{Ident, Span};
use syn::{Error, Expr, Result, Token, ext::IdentExt, parse::ParseStream, token};

use super::model::Form;
use crate::{
    options::list,
    shape::{Kind, Shape},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Reads,
    Writes,
}

/// A way, and where it is said.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) kind: WayKind,
    pub(super) span: Span,
}

#[derive(Clone)]
pub(super) enum WayKind {
    /// Not said: that of the role.
    Own,
    Storage,
    Concurrent,
    Vertex,
    Index,
    Indirect,
    Uniform,
    Sampled,
    Copy,
    Blit,
    Load,
    Discard,
    Clear(Box<Expr>),
}

const BUFFERS_READ: [&str; 6] = ["storage", "uniform", "vertex", "index", "indirect", "copy"];
const BUFFERS_WRITTEN: [&str; 3] = ["storage", "concurrent", "copy"];
const IMAGES_READ: [&str; 3] = ["sampled", "copy", "blit"];
const IMAGES_WRITTEN: [&str; 5] = ["load", "discard", "clear", "copy", "blit"];

impl Direction {
    pub(super) fn attribute(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Reads => Self::Writes,
            Self::Writes => Self::Reads,
        }
    }

    fn ways(self, kind: Kind) -> &'static [&'static str] {
        match (self, kind) {
            (Self::Reads, Kind::Buffer) => &BUFFERS_READ,
            (Self::Writes, Kind::Buffer) => &BUFFERS_WRITTEN,
            (Self::Reads, _) => &IMAGES_READ,
            (Self::Writes, _) => &IMAGES_WRITTEN,
        }
    }

    fn has(self, way: &str) -> bool {
        [Kind::Buffer, Kind::Image].iter().any(|&kind| self.ways(kind).contains(&way))
    }

    /// All ways of a kind; of one that is not known, those of both.
    fn all(self, kind: Kind) -> Vec<&'static str> {
        if kind == Kind::Image {
            return self.ways(kind).to_vec();
        }
        let mut all = self.ways(Kind::Buffer).to_vec();
        if kind == Kind::Buffer {
            return all;
        }
        all.extend(self.ways(Kind::Image).iter().filter(|way| !self.ways(Kind::Buffer).contains(way)));
        all
    }
}

impl Way {
    pub(super) fn own(span: Span) -> Self {
        Self { kind: WayKind::Own, span }
    }

    /// A way that is said: a word, and of `clear` the value.
    pub(super) fn parse(input: ParseStream<'_>, direction: Direction, kind: Kind, form: Form) -> Result<Self> {
        let word = Ident::parse_any(input)?;
        let span = word.span();
        let name = word.to_string();
        if !direction.has(&name) {
            return Err(Error::new(span, unknown(&name, direction, kind)));
        }
        let kind = match &*name {
            "storage" => WayKind::Storage,
            "concurrent" => WayKind::Concurrent,
            "vertex" => WayKind::Vertex,
            "index" => WayKind::Index,
            "indirect" => WayKind::Indirect,
            "uniform" => WayKind::Uniform,
            "sampled" => WayKind::Sampled,
            "copy" => WayKind::Copy,
            "blit" => WayKind::Blit,
            "load" => WayKind::Load,
            "discard" => WayKind::Discard,
            _ => WayKind::Clear(Box::new(value(input, span, form)?)),
        };
        Ok(Self { kind, span })
    }

    /// # Errors
    /// If resources of this shape are never touched so.
    pub(super) fn check(&self, direction: Direction, shape: &Shape<'_>) -> Result<()> {
        let Some(name) = self.kind.name() else { return Ok(()) };
        let fits = shape.kind == Kind::Unknown || direction.ways(shape.kind).contains(&name);
        if fits {
            return Ok(());
        }
        let what = if shape.kind == Kind::Buffer { "buffers" } else { "images" };
        let done = match direction {
            Direction::Reads => "read",
            Direction::Writes => "written",
        };
        let ways = list(direction.ways(shape.kind));
        let message = format!("`{name}` is not how {what} are {done}; write {ways}, or none for what its role says");
        Err(Error::new(self.span, message))
    }
}

fn value(input: ParseStream<'_>, span: Span, form: Form) -> Result<Expr> {
    if input.peek(token::Paren) {
        let inner;
        syn::parenthesized!(inner in input);
        return inner.parse();
    }
    if form == Form::Fields && input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        return input.parse();
    }
    let example = match form {
        Form::Fields => "#[writes(clear = [0.0, 0.0, 0.0, 1.0])]",
        Form::Registry => "#[writes(GpuImage<RenderTarget> as clear([0.0, 0.0, 0.0, 1.0]))]",
    };
    Err(Error::new(span, format!("`clear` has a value: `{example}`")))
}

fn unknown(name: &str, direction: Direction, kind: Kind) -> String {
    let (attribute, other) = (direction.attribute(), direction.other().attribute());
    if direction.other().has(name) {
        let verb = if direction == Direction::Reads { "changes what is there" } else { "only looks at what is there" };
        return format!("`{name}` {verb}: write `#[{other}({name})]`");
    }
    format!(
        "`#[{attribute}(..)]` knows no `{name}`; write {}, or none for what the role says",
        list(&direction.all(kind))
    )
}

impl WayKind {
    /// As it is written; `None` if it is not.
    pub(super) fn name(&self) -> Option<&'static str> {
        Some(match self {
            Self::Own => return None,
            Self::Storage => "storage",
            Self::Concurrent => "concurrent",
            Self::Vertex => "vertex",
            Self::Index => "index",
            Self::Indirect => "indirect",
            Self::Uniform => "uniform",
            Self::Sampled => "sampled",
            Self::Copy => "copy",
            Self::Blit => "blit",
            Self::Load => "load",
            Self::Discard => "discard",
            Self::Clear(_) => "clear",
        })
    }

    /// Whether the image is an attachment.
    pub(super) fn renders(&self) -> bool {
        matches!(self, Self::Load | Self::Discard | Self::Clear(_))
    }
}
