// The depth pyramid: the farthest depth in ever larger squares of pixels. A texel of level 0 is of 2 × 2 pixels.
// The Rust side is src/cull/pyramid.rs.
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer Pyramid {
    // Where each level begins in `at`.
    uint first[16];
    // Workgroups that are through; the last one makes the coarse levels.
    uint done;
    // Depths as float bits.
    uint at[];
};

// Texels of a level along a side of so many pixels.
uint level_side(uint pixels, uint level) {
    return ((pixels - 1) >> (level + 1)) + 1;
}

// The farthest depth in the pixels from `low` to `high` and some around them: `most` + 1 texels across at the most.
uint farthest_in(Pyramid pyramid, uint pixels_across, ivec2 low, ivec2 high, uint most) {
    const ivec2 span = high - low;
    uint level = uint(max(findMSB(uint(max(span.x, span.y)) / most) - 1, 0));
    const uvec2 first = uvec2(low), last = uvec2(high);
    while (any(greaterThan((last >> (level + 1)) - (first >> (level + 1)), uvec2(most)))) {
        ++level;
    }
    const uint width = level_side(pixels_across, level);
    const uint begin = pyramid.first[level];
    uint depth = 0xffffffffu;
    for (uint y = first.y >> (level + 1); y <= last.y >> (level + 1); ++y) {
        for (uint x = first.x >> (level + 1); x <= last.x >> (level + 1); ++x) {
            depth = min(depth, pyramid.at[begin + y * width + x]);
        }
    }
    return depth;
}
