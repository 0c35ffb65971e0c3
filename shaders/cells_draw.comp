// Draws the cells of a list: a subgroup takes a cell, a lane a cube. Small cubes are painted by their lane, larger ones by
// the whole subgroup, and tiles of the largest go to a list of their own (cells_large.comp).
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "include/cells.glsl"
#include "include/paint.glsl"
#include "include/lod.glsl"

layout(local_size_x = 128) in;

// Pixels that a lane paints by itself.
const int SMALL = 16;
// The side of a tile.
const int TILE = 64;

// The pixels that the box may show in.
Rect rect_of(Box box) {
    const float distance = dot(box.center, push.lens.forward);
    const float reach = box.half_edge * sum_of_abs(push.lens.forward) + abs(distance) * 1e-6;
    if (distance - reach > push.lens.near) {
        return rect_in_front(push.lens, box.center, vec3(box.half_edge), distance, distance - reach);
    }
    if (distance + reach < push.lens.near) {
        return Rect(ivec2(0), ivec2(-1));
    }
    return rect_cut(push.lens, box.center, vec3(box.half_edge), distance, distance + reach);
}

// Hands a large box on, tile by tile; false if the list is full.
bool hand_on(Box box, Rect rect) {
    const ivec2 tiles = (rect.high - rect.low) / TILE + 1;
    const uint count = uint(tiles.x * tiles.y);
    const uint first = reserve(push.large, count, 1);
    const bool fits = first + count <= push.large.capacity;
    for (uint i = 0; i < count && first + i < push.large.capacity; ++i) {
        const ivec2 low = rect.low + ivec2(i % uint(tiles.x), i / uint(tiles.x)) * TILE;
        const ivec2 size = min(rect.high - low + 1, ivec2(TILE));
        // Where not all of it fits, its places are left empty, and it is painted at once.
        push.large.at[3 * (first + i)] = box.word;
        push.large.at[3 * (first + i) + 1] = uint(low.x | low.y << 16);
        push.large.at[3 * (first + i) + 2] = fits ? uint(size.x | size.y << 16) : 0;
    }
    return fits;
}

// The subgroup paints a box of any size.
void paint_all(Box box, Rect rect) {
    for (int y = rect.low.y; y <= rect.high.y; y += TILE) {
        for (int x = rect.low.x; x <= rect.high.x; x += TILE) {
            paint_together(box, uvec2(x, y), uvec2(min(rect.high - ivec2(x, y) + 1, ivec2(TILE))));
        }
    }
}

void draw_cell(uint number) {
    const Cell cell = push.scene.cells.at[number];
    const float level = level_of(push.lens, push.scene, cell, number);
    const float growth = growth_of(level);
    const uint count = drawn_of(push.scene.cells.at[number + 1].first - cell.first, level);
    for (uint base = 0; base < count; base += gl_SubgroupSize) {
        const uint index = base + gl_SubgroupInvocationID;
        Box box = Box(vec3(0.0), 0.0, word_of(number, index));
        Rect rect = Rect(ivec2(0), ivec2(-1));
        if (index < count) {
            const uvec4 packed = load_packed(push.scene, cell.first + index);
            box.center = position_of(cell, packed) - push.lens.eye;
            box.half_edge = half_edge_of(cell, packed) * growth;
            rect = rect_of(box);
        }
        bool waits = false;
        if (!is_empty(rect)) {
            const ivec2 size = rect.high - rect.low + 1;
            if (size.x * size.y <= SMALL) {
                for (int y = rect.low.y; y <= rect.high.y; ++y) {
                    for (int x = rect.low.x; x <= rect.high.x; ++x) {
                        paint_pixel(box, uvec2(x, y));
                    }
                }
            } else {
                waits = max(size.x, size.y) <= TILE || !hand_on(box, rect);
            }
        }
        uvec4 waiting = subgroupBallot(waits);
        while (any(notEqual(waiting, uvec4(0)))) {
            const uint lane = subgroupBallotFindLSB(waiting);
            waiting[lane >> 5] &= waiting[lane >> 5] - 1;
            const Box other = Box(subgroupBroadcast(box.center, lane), subgroupBroadcast(box.half_edge, lane),
                                  subgroupBroadcast(box.word, lane));
            paint_all(other, Rect(subgroupBroadcast(rect.low, lane), subgroupBroadcast(rect.high, lane)));
        }
    }
}

void main() {
    const uint count = push.list.count;
    for (uint i = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID; i < count; i += gl_NumWorkGroups.x * gl_NumSubgroups) {
        draw_cell(push.list.at[i]);
    }
}
