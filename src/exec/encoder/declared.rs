//! Whether a command touches what its pass declared.

use std::{ops::Range, sync::Arc};

use ash::vk;

use super::Encoder;
use crate::{
    checks::derived_advice,
    error::{Error, Result},
    graph::{
        ir::Region,
        uses::{Declaration, Label},
    },
    resource::{Access, BufferInner, ImageInner, ImageRole, Subimage, buffer::Spot, image::unplaced},
};

/// A way of touching a resource, and how a pass declares it.
pub(super) struct Want {
    access: Access,
    verb: &'static str,
    role: &'static str,
}

impl Want {
    pub(super) const COPY_SOURCE: Self = Self::new(Access::COPY_SOURCE, "reads", "copy_source()");
    pub(super) const COPY_TARGET: Self = Self::new(Access::COPY_TARGET, "writes", "copy_target()");
    pub(super) const IMAGE_COPY_SOURCE: Self = Self::new(Access::IMAGE_COPY_SOURCE, "reads", "copy_source()");
    pub(super) const IMAGE_COPY_TARGET: Self = Self::new(Access::IMAGE_COPY_TARGET, "writes", "copy_target()");
    pub(super) const BLIT_SOURCE: Self = Self::new(Access::BLIT_SOURCE, "reads", "blit_source()");
    pub(super) const BLIT_TARGET: Self = Self::new(Access::BLIT_TARGET, "writes", "blit_target()");
    pub(super) const STORAGE_IMAGE_TARGET: Self = Self::new(Access::STORAGE_IMAGE_TARGET, "writes", "storage_target()");
    pub(super) const SAMPLED: Self = Self::new(Access::SAMPLED, "reads", "");
    pub(super) const INDIRECT: Self = Self::new(Access::INDIRECT, "reads", "indirect()");
    pub(super) const VERTEX: Self = Self::new(Access::VERTEX, "reads", "vertex()");
    pub(super) const INDEX: Self = Self::new(Access::INDEX, "reads", "index()");

    const fn new(access: Access, verb: &'static str, role: &'static str) -> Self {
        Self { access, verb, role }
    }

    fn fits(&self, declared: &Declaration) -> bool {
        declared.access.stages.contains(self.access.stages)
            && declared.access.mask.contains(self.access.mask)
            && declared.access.layout == self.access.layout
    }

    /// What to write: on a derived system, or where the pass is declared.
    fn advice(&self, labels: &[Label], id: usize, name: &str) -> String {
        let way = match self.role {
            "copy_source()" | "copy_target()" => "copy",
            "blit_source()" | "blit_target()" => "blit",
            "storage_target()" => "storage",
            role => role.trim_end_matches("()"),
        };
        derived_advice(labels, id, self.verb, way).unwrap_or_else(|| self.advice_by_hand(name))
    }

    fn advice_by_hand(&self, name: &str) -> String {
        match self.role {
            "" => format!("add `.{}(&{name})`", self.verb),
            role => format!("add `.{}({name}.{role})`", self.verb),
        }
    }
}

impl Encoder<'_> {
    /// Where `bytes` of a buffer begin, which the pass declared.
    pub(super) fn need(&self, buffer: &Arc<BufferInner>, bytes: &Range<u64>, want: &Want) -> Result<Spot> {
        let region = Region::bytes(bytes.clone());
        let part = || format!("bytes {}..{}", bytes.start, bytes.end);
        self.need_declared(Arc::as_ptr(buffer).addr(), &buffer.name, region, want, part)?;
        let spot = buffer.spot().ok_or_else(|| unplaced(&buffer.name))?;
        Ok(Spot { offset: spot.offset + bytes.start, ..spot })
    }

    /// A part of an image, which the pass declared.
    pub(super) fn need_image<R: ImageRole>(&self, image: &Subimage<R>, want: &Want) -> Result<(vk::Image, Region)> {
        let (inner, region) = (image.image(), image.region()?);
        self.need_declared(Arc::as_ptr(inner).addr(), &inner.name, region, want, || subresources(&region))?;
        let raw = inner.raw().ok_or_else(|| unplaced(&inner.name))?;
        Ok((raw, region))
    }

    /// The bytes of a buffer that the pass declared in this way: of several regions, the first.
    pub(super) fn declared_bytes(&self, buffer: &Arc<BufferInner>, want: &Want) -> Result<Range<u64>> {
        let id = Arc::as_ptr(buffer).addr();
        let mut fitting = self.declarations(id).filter(|declared| want.fits(declared));
        match fitting.next() {
            Some(declared) => Ok(declared.covered().x[0]..declared.covered().x[1]),
            None => Err(self.undeclared(id, &buffer.name, want)),
        }
    }

    /// Whether the pass declared any access to a buffer.
    pub(super) fn declares(&self, buffer: &Arc<BufferInner>) -> bool {
        self.declarations(Arc::as_ptr(buffer).addr()).next().is_some()
    }

    fn declarations(&self, id: usize) -> impl Iterator<Item = &Declaration> {
        self.declared.iter().filter(move |declared| declared.resource.id() == id)
    }

    fn undeclared(&self, id: usize, name: &str, want: &Want) -> Error {
        let advice = want.advice(self.labels, id, name);
        Error::Graph(format!("it touches `{name}` in a way that it did not declare; {advice}"))
    }

    fn need_declared(
        &self,
        id: usize,
        name: &str,
        region: Region,
        want: &Want,
        part: impl FnOnce() -> String,
    ) -> Result<()> {
        let fitting = || self.declarations(id).filter(|declared| want.fits(declared)).map(Declaration::covered);
        if let Some(watch) = &self.watch {
            watch.touched(id);
        }
        if fitting().any(|declared| declared.contains(&region)) {
            return Ok(());
        }
        let declared: Vec<_> = fitting().collect();
        match missing(region, &declared) {
            None => Ok(()),
            Some(_) if declared.is_empty() => Err(self.undeclared(id, name, want)),
            Some(_) => Err(Error::Graph(format!(
                "it touches {} of `{name}`, of which it declared a part in this way; {} or more of it",
                part(),
                want.advice(self.labels, id, name)
            ))),
        }
    }
}

fn subresources(region: &Region) -> String {
    format!("levels {:?}, layers {:?}", region.levels(), region.layers())
}

/// A part of `region` that none of `declared` holds.
fn missing(region: Region, declared: &[Region]) -> Option<Region> {
    let Some((first, rest)) = declared.split_first() else { return Some(region) };
    match region.intersection(first) {
        None => missing(region, rest),
        Some(common) => region.around(&common).into_iter().find_map(|part| missing(part?, rest)),
    }
}

/// For commands that take one level.
pub(super) fn level_of(command: &str, image: &ImageInner, region: &Region) -> Result<u32> {
    let levels = region.levels();
    if levels.len() == 1 {
        return Ok(levels.start);
    }
    let name = &image.name;
    Err(Error::Invalid(format!(
        "{command} with {} levels of `{name}`; it takes them one by one: say `{name}.level(..)`",
        levels.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_cover_what_neither_covers_alone() {
        let bytes = |range| Region::bytes(range);
        assert_eq!(missing(bytes(4..12), &[bytes(8..16), bytes(0..8)]), None);
        assert_eq!(missing(bytes(4..12), &[bytes(9..16), bytes(0..8)]), Some(bytes(8..9)));
        assert_eq!(missing(bytes(4..12), &[]), Some(bytes(4..12)));
        assert_eq!(missing(bytes(4..12), &[bytes(12..16)]), Some(bytes(4..12)));
    }

    #[test]
    fn what_is_missing_of_an_image_is_found_wherever_it_is() {
        let of = Region::subresources;
        let all = of(0..3, 0..3);
        assert_eq!(missing(all, &[of(0..1, 0..3), of(1..3, 0..1), of(1..3, 1..3)]), None);
        for level in 0..3 {
            for layer in 0..3 {
                let hole = of(level..level + 1, layer..layer + 1);
                let declared: Vec<_> = all.around(&hole).into_iter().flatten().collect();
                assert_eq!(missing(all, &declared), Some(hole));
                assert_eq!(missing(hole, &declared), Some(hole));
            }
        }
    }
}
