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
// Boxes of more pixels are tested against the pyramid first.
const uint MOST_UNTESTED = 8;

// A cube relative to the eye.
struct Box {
    vec3 center;
    float half_edge;
    uint word;
};

void paint_pixel(Box box, uvec2 pixel) {
    const uint at = pixel.y * (push.lens.size & 0xffffu) + pixel.x;
    // What is there only grows: an old value costs a needless atomic at the worst.
    const uint there = VisibilityHalves(push.visibility).at[at].y;
    const vec3 ray = ray_of(push.lens, vec2(pixel));
    if (meets(ray, box.center, box.half_edge)) {
        const float distance = entry(ray, box.center, box.half_edge);
        const uint depth = floatBitsToUint(push.lens.near / distance);
        if (distance >= push.lens.near && depth >= there) {
            atomicMax(push.visibility.at[at], uint64_t(depth) << 32 | box.word);
        }
    }
}

// Place `k` of a rectangle, row by row.
uvec2 pixel_of(uint k, uint low, uint width) {
    const uint y = uint((float(k) + 0.5) / float(width));
    return uvec2((low & 0xffffu) + k - y * width, (low >> 16) + y);
}

// All lanes of a subgroup paint one tile.
void paint_tile(Box box, uint low, uint size) {
    const uint width = size & 0xffffu;
    const uint pixels = width * (size >> 16);
    for (uint k = gl_SubgroupInvocationID; k < pixels; k += gl_SubgroupSize) {
        paint_pixel(box, pixel_of(k, low, width));
    }
}

// Subgroups of a workgroup of 128 lanes.
uint subgroups() {
    return max(128 / gl_SubgroupSize, 1);
}

uint join(ivec2 v) {
    return uint(v.x | v.y << 16);
}

// Hands a box on, tile by tile; false if the list is full.
bool hand_on(Box box, Rect rect) {
    const ivec2 tiles = (rect.high - rect.low) / TILE + 1;
    const uint count = uint(tiles.x * tiles.y);
    const uint first = reserve(push.large, count, subgroups());
    const bool fits = first + count <= push.large.capacity;
    for (uint i = 0; i < count && first + i < push.large.capacity; ++i) {
        const ivec2 low = rect.low + ivec2(i % uint(tiles.x), i / uint(tiles.x)) * TILE;
        push.large.at[3 * (first + i)] = box.word;
        push.large.at[3 * (first + i) + 1] = join(low);
        // Where not all of it fits, its places are left empty, and it is painted at once.
        push.large.at[3 * (first + i) + 2] = fits ? join(min(rect.high - low + 1, ivec2(TILE))) : 0;
    }
    return fits;
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
    return rect_cut(push.lens, box.center, vec3(box.half_edge), distance, distance + reach);
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
            paint_pixel(other, pixel);
        }
    }

    // What found no place in the list of large ones.
    uvec4 waiting = subgroupBallot(waits);
    while (any(notEqual(waiting, uvec4(0)))) {
        const uint lane = subgroupBallotFindLSB(waiting);
        waiting[lane >> 5] &= waiting[lane >> 5] - 1;
        const Box other = Box(subgroupShuffle(box.center, lane), subgroupShuffle(box.half_edge, lane),
                              subgroupShuffle(box.word, lane));
        const ivec2 first = subgroupShuffle(rect.low, lane), last = subgroupShuffle(rect.high, lane);
        for (int y = first.y; y <= last.y; y += TILE) {
            for (int x = first.x; x <= last.x; x += TILE) {
                paint_tile(other, join(ivec2(x, y)), join(min(last - ivec2(x, y) + 1, ivec2(TILE))));
            }
        }
    }
}
