// Paints cubes into the visibility buffer, pixel by pixel, by whole subgroups.
#include "lens.glsl"
#include "visibility.glsl"
#include "work.glsl"
#include "pyramid.glsl"

// The Rust side is src/raster/compute/draw.rs. Push constants are operands; what lies in memory is not.
layout(push_constant, scalar) uniform Push {
    Lens lens;
    Scene scene;
    Visibility visibility;
    WorkList list;
    WorkList large;
    // 0: nothing is drawn yet.
    Pyramid pyramid;
} push;

// Boxes of more pixels are handed on, in tiles, and spread over the whole device.
const uint MOST_AT_ONCE = 32;
// The side of a tile.
const int TILE = 32;
// Tiles an entry of the list stands for: one after the other along the rows.
const uint RUN = 4;
// A box has no more entries: so many for each lane of a GPU still fit 32 bits. It is enough for a picture of 8 K.
const uint MOST_ENTRIES = 8192;
// Boxes of more pixels are tested against the pyramid first.
const uint MOST_UNTESTED = 8;

// A cube relative to the eye.
struct Box {
    vec3 center;
    float half_edge;
    uint word;
};

// The depth that a pixel shows. It only grows: an old value costs a needless atomic at the worst.
uint depth_at(uvec2 pixel) {
    return VisibilityHalves(push.visibility).at[pixel.y * (push.lens.size & 0xffffu) + pixel.x].y;
}

// Paints a pixel that shows the depth `there`.
void paint_pixel(Box box, uvec2 pixel, uint there) {
    const vec3 ray = ray_of(push.lens, vec2(pixel));
    if (meets(ray, box.center, box.half_edge)) {
        const float distance = entry(ray, box.center, box.half_edge);
        const uint depth = floatBitsToUint(push.lens.near / distance);
        if (distance >= push.lens.near && depth >= there) {
            const uint at = pixel.y * (push.lens.size & 0xffffu) + pixel.x;
            atomicMax(push.visibility.at[at], uint64_t(depth) << 32 | box.word);
        }
    }
}

// Place `k` of a rectangle, row by row.
uvec2 pixel_of(uint k, uint low, uint width) {
    const uint y = uint((float(k) + 0.5) / float(width));
    return uvec2((low & 0xffffu) + k - y * width, (low >> 16) + y);
}

// All lanes of a subgroup paint one tile of a box that is nowhere nearer than `bound`.
void paint_tile(Box box, uint bound, uint low, uint size) {
    const uint width = size & 0xffffu;
    const uint pixels = width * (size >> 16);
    for (uint base = 0; base < pixels; base += 4 * gl_SubgroupSize) {
        uvec2 at[4];
        uint there[4];
        // Four at once: most are hidden, and waiting for memory is all that they cost.
        [[unroll]] for (uint i = 0; i < 4; ++i) {
            const uint k = base + i * gl_SubgroupSize + gl_SubgroupInvocationID;
            at[i] = pixel_of(min(k, pixels - 1), low, width);
            there[i] = depth_at(at[i]);
            there[i] = k < pixels ? there[i] : 0xffffffffu;
        }
        [[unroll]] for (uint i = 0; i < 4; ++i) {
            if (there[i] <= bound) {
                paint_pixel(box, at[i], there[i]);
            }
        }
    }
}

uint join(ivec2 v) {
    return uint(v.x | v.y << 16);
}

// The nearest depth that a box can have.
uint bound_of(float nearest) {
    return nearest > push.lens.near ? depth_before(push.lens, nearest) : 0x7f800000u;
}

ivec2 tiles_of(ivec2 size) {
    return (size - 1) / TILE + 1;
}

// Hands a box on; false if the list is full.
bool hand_on(Box box, Rect rect) {
    const ivec2 size = rect.high - rect.low + 1;
    const ivec2 tiles = tiles_of(size);
    const uint count = (uint(tiles.x * tiles.y) + RUN - 1) / RUN;
    // A part is for those that are too large to be painted at once. What nobody has room for is not counted either: the count
    // must not wrap.
    const uint full = push.large.capacity / 4 * (count == 1 ? 3 : 4);
    if (push.large.count > full || count > MOST_ENTRIES) {
        return false;
    }
    const uint first = reserve(push.large, count, gl_SubgroupSize);
    const bool fits = first + count <= push.large.capacity;
    for (uint i = 0; i < count && first + i < push.large.capacity; ++i) {
        push.large.at[4 * (first + i)] = box.word;
        push.large.at[4 * (first + i) + 1] = join(rect.low);
        // Where not all of it fits, its places are left empty, and it is painted at once.
        push.large.at[4 * (first + i) + 2] = fits ? join(size) : 0;
        push.large.at[4 * (first + i) + 3] = i * RUN;
    }
    return fits;
}

// The subgroup paints some tiles of a rectangle.
void paint_tiles(Box box, uint bound, ivec2 low, ivec2 size, uint first, uint count) {
    const uint across = uint(tiles_of(size).x);
    const uint end = min(first + count, across * uint(tiles_of(size).y));
    for (uint i = first; i < end; ++i) {
        const ivec2 corner = ivec2(i % across, i / across) * TILE;
        const ivec2 part = min(size - corner, ivec2(TILE));
        const ivec2 from = low + corner;
        if (!may_meet(push.lens, from, part, box.center, box.half_edge)) {
            continue;
        }
        const bool is_hidden = uint64_t(push.pyramid) != 0ul
            && farthest_in(push.pyramid, push.lens.size & 0xffffu, from, from + part - 1, 2) > bound;
        if (!is_hidden) {
            paint_tile(box, bound, join(from), join(part));
        }
    }
}

// The pixels that the box may show in; `nearest` is how near it comes.
Rect rect_of(Box box, out float nearest) {
    const float distance = dot(box.center, push.lens.forward);
    const float reach = box.half_edge * sum_of_abs(push.lens.forward) + abs(distance) * 1e-6;
    nearest = distance - reach;
    if (nearest > push.lens.near) {
        return rect_in_front(push.lens, box.center, vec3(box.half_edge), distance, nearest);
    }
    if (distance + reach < push.lens.near) {
        return Rect(ivec2(0), ivec2(-1));
    }
    return rect_cut(push.lens, box.center, box.half_edge);
}

// Whether all of a rectangle shows what is nearer.
bool is_hidden(Rect rect, float nearest) {
    if (uint64_t(push.pyramid) == 0ul || nearest <= push.lens.near) {
        return false;
    }
    return farthest_in(push.pyramid, push.lens.size & 0xffffu, rect.low, rect.high, 2) > depth_before(push.lens, nearest);
}

// All lanes of a subgroup, each with a box or without: paints those of a few pixels, and hands the others on.
void paint_boxes(Box box, bool is_there) {
    Rect rect = Rect(ivec2(0), ivec2(-1));
    float nearest = 0.0;
    if (is_there) {
        rect = rect_of(box, nearest);
    }
    uint pixels = 0;
    bool waits = false;
    const ivec2 size = max(rect.high - rect.low + 1, ivec2(0));
    if (size.x > 0 && size.y > 0) {
        pixels = uint(size.x * size.y);
        if (pixels > MOST_UNTESTED && is_hidden(rect, nearest)) {
            pixels = 0;
        } else if (pixels > MOST_AT_ONCE) {
            waits = !hand_on(box, rect);
            pixels = 0;
        }
    }

    // The pixels of all lanes one after the other, so that lanes with few do not wait for those with many.
    const uint low = join(rect.low);
    const uint start = subgroupExclusiveAdd(pixels);
    const uint total = subgroupBroadcast(start + pixels, gl_SubgroupSize - 1);
    for (uint base = 0; base < total; base += gl_SubgroupSize) {
        const uint place = base + gl_SubgroupInvocationID;
        uint owner = 0;
        for (uint step = gl_SubgroupSize / 2; step > 0; step /= 2) {
            owner += subgroupShuffle(start, owner + step) <= place ? step : 0;
        }
        const Box other = Box(subgroupShuffle(box.center, owner), subgroupShuffle(box.half_edge, owner),
                              subgroupShuffle(box.word, owner));
        const uint k = place - subgroupShuffle(start, owner);
        const uvec2 pixel = pixel_of(k, subgroupShuffle(low, owner), uint(subgroupShuffle(size.x, owner)));
        if (place < total) {
            paint_pixel(other, pixel, depth_at(pixel));
        }
    }

    // What found no place in the list of large ones.
    uvec4 waiting = subgroupBallot(waits);
    while (any(notEqual(waiting, uvec4(0)))) {
        const uint lane = subgroupBallotFindLSB(waiting);
        waiting[lane >> 5] &= waiting[lane >> 5] - 1;
        const Box other = Box(subgroupShuffle(box.center, lane), subgroupShuffle(box.half_edge, lane),
                              subgroupShuffle(box.word, lane));
        const ivec2 first = subgroupShuffle(rect.low, lane);
        paint_tiles(other, bound_of(subgroupShuffle(nearest, lane)), first, subgroupShuffle(size, lane), 0, 0x7fffffffu);
    }
}
