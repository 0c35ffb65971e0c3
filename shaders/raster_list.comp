// Lists the cubes of cells that may show, for the rasteriser: a subgroup takes a cell, a lane a cube at a time. Those that
// cover no pixel's middle and those hidden behind what is drawn are left out.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "include/cells.glsl"
#include "include/lens.glsl"
#include "include/work.glsl"
#include "include/pyramid.glsl"

layout(local_size_x = 128) in;

layout(push_constant, scalar) uniform Push {
    Lens lens;
    Scene scene;
    WorkList cells;
    WorkList words;
    // Cells whose words found no place: all their cubes are drawn.
    WorkList whole;
    // 0: nothing is drawn yet.
    Pyramid pyramid;
} push;

bool may_show(vec3 center, float half_edge) {
    const float distance = dot(center, push.lens.forward);
    const float reach = half_edge * sum_of_abs(push.lens.forward) + abs(distance) * 1e-6;
    const float nearest = distance - reach;
    if (distance + reach < push.lens.near) {
        return false;
    }
    if (nearest <= push.lens.near) {
        return !is_empty(rect_cut(push.lens, center, half_edge));
    }
    const Rect rect = rect_in_front(push.lens, center, vec3(half_edge), distance, nearest);
    if (is_empty(rect) || uint64_t(push.pyramid) == 0ul) {
        return !is_empty(rect);
    }
    const uint width = push.lens.size & 0xffffu;
    return farthest_in(push.pyramid, width, rect.low, rect.high, 2) <= depth_before(push.lens, nearest);
}

void list_cell(uint number) {
    const Cell cell = push.scene.cells.at[number];
    const uint count = push.scene.cells.at[number + 1].first - cell.first;
    // A bit for each of the lane's cubes, of which there are 64 where a subgroup has four lanes.
    uint64_t shown = 0ul;
    uint total = 0;
    uint round = 0;
    for (uint base = 0; base < count; base += gl_SubgroupSize) {
        const uint index = base + gl_SubgroupInvocationID;
        const uvec4 packed = load_packed(push.scene, cell.first + min(index, count - 1));
        const bool shows = index < count && may_show(position_of(cell, packed) - push.lens.eye, half_edge_of(cell, packed));
        shown |= uint64_t(shows) << round++;
        total += subgroupBallotBitCount(subgroupBallot(shows));
    }
    if (total == 0) {
        return;
    }
    uint place = 0;
    if (subgroupElect()) {
        place = reserve(push.words, total, 1);
        if (place + total > push.words.capacity) {
            push.whole.at[reserve(push.whole, 1, 1)] = number;
        }
    }
    place = subgroupBroadcastFirst(place);
    for (uint base = 0; base < count; base += gl_SubgroupSize) {
        const bool shows = (shown & 1ul) != 0ul;
        const uvec4 ballot = subgroupBallot(shows);
        const uint own = place + subgroupBallotExclusiveBitCount(ballot);
        // Those of a cell that is drawn whole as well do no harm, and fill the places that are counted.
        if (shows && own < push.words.capacity) {
            push.words.at[own] = word_of(number, base + gl_SubgroupInvocationID);
        }
        place += subgroupBallotBitCount(ballot);
        shown >>= 1;
    }
}

void main() {
    const uint count = push.cells.count;
    const uint width = gl_NumWorkGroups.x * gl_NumSubgroups;
    for (uint i = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID; i < count; i += width) {
        list_cell(push.cells.at[i]);
    }
}
