// The depth pyramid: the farthest depth in ever larger squares of pixels. A texel of level 0 is of 2 × 2 pixels.
// The Rust side is src/cull/pyramid.rs.
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer Pyramid {
    // Where each level begins in `at`.
    uint first[16];
    // Workgroups that are through; the last one makes the coarse levels.
    uint done;
    // The number of the frame: cells that showed in frame n are stamped with it.
    uint frame;
    // Depths as float bits.
    uint at[];
};

// Texels of a level along a side of so many pixels.
uint level_side(uint pixels, uint level) {
    return ((pixels - 1) >> (level + 1)) + 1;
}
