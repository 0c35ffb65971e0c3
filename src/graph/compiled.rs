//! GLUE: a stand-in for the new compiler's file, whose types these are.

/// Where the transients of a plan lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transients {
    pub(crate) buffer_bytes: u64,
    pub(crate) image_bytes: u64,
    pub(crate) image_alignment: u64,
    pub(crate) image_types: u32,
    pub(crate) unaliased_bytes: u64,
    pub(crate) places: Vec<Place>,
}

/// Where one lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: usize,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) waves: [u32; 2],
}
