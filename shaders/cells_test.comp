// Which cells may show: a lane a cell. Those outside of the frustum, hidden behind what is drawn, or too small for any
// pixel's middle are out; so are those that showed in the frame before, which are drawn already.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/lens.glsl"
#include "include/work.glsl"
#include "include/pyramid.glsl"
#include "include/lod.glsl"

layout(local_size_x = 256) in;

// Cells a lane.
const uint EACH = 4;
const uint PER_GROUP = 256 * EACH;
// Rounding, as part of a distance: see src/cull/frustum.rs.
const float ROUNDING = 1.0 / 524288.0;

layout(push_constant, scalar) uniform Push {
    Lens lens;
    Scene scene;
    WorkList appeared;
    // 0: nothing is drawn yet.
    Pyramid pyramid;
    List stamps;
} push;

shared uint found[PER_GROUP];
shared uint found_count;
shared uint first_place;

// Whether a box reaches to the inner side of a plane through the eye.
bool reaches(vec3 normal, vec3 center, vec3 reach) {
    return dot(normal, center) + dot(abs(normal), reach) >= 0.0;
}

uint farthest(uint level, uvec2 at, uint width) {
    return push.pyramid.at[push.pyramid.first[level] + at.y * width + at.x];
}

// The farthest depth in a rectangle that is at most `most` + 1 texels wide and high at the level that is taken.
uint farthest_in(Rect rect, uint most) {
    const ivec2 span = rect.high - rect.low;
    uint level = uint(max(findMSB(uint(max(span.x, span.y)) / most) - 1, 0));
    const uvec2 low = uvec2(rect.low), high = uvec2(rect.high);
    while (any(greaterThan((high >> (level + 1)) - (low >> (level + 1)), uvec2(most)))) {
        ++level;
    }
    const uint width = level_side(push.lens.size & 0xffffu, level);
    uint depth = 0xffffffffu;
    for (uint y = low.y >> (level + 1); y <= high.y >> (level + 1); ++y) {
        for (uint x = low.x >> (level + 1); x <= high.x >> (level + 1); ++x) {
            depth = min(depth, farthest(level, uvec2(x, y), width));
        }
    }
    return depth;
}

bool may_show(uint number) {
    const Cell cell = push.scene.cells.at[number];
    const vec3 half_size = half_size_of(cell, push.scene.extents.at[number]);
    const vec3 center = middle_of(push.lens, cell, half_size);
    const float slack = (sum_of_abs(center) + sum_of_abs(half_size) + cell.half_edge) * ROUNDING;
    vec3 reach = half_size + (cell.half_edge + slack);
    const float distance = dot(center, push.lens.forward);
    if (has_lod(push.lens)) {
        const float level = level_at(push.lens, cell, distance - dot(abs(push.lens.forward), half_size + cell.half_edge));
        reach += cell.half_edge * (growth_of(level) - 1.0);
    }
    const float depth_reach = dot(abs(push.lens.forward), reach);
    const vec2 edge = vec2(size_of(push.lens)) * 0.5;
    if (distance + depth_reach < push.lens.near
        || !reaches(edge.x * push.lens.forward + push.lens.across, center, reach)
        || !reaches(edge.x * push.lens.forward - push.lens.across, center, reach)
        || !reaches(edge.y * push.lens.forward + push.lens.down, center, reach)
        || !reaches(edge.y * push.lens.forward - push.lens.down, center, reach)) {
        return false;
    }
    const float nearest = distance - depth_reach;
    if (nearest <= push.lens.near) {
        return true;
    }
    const Rect rect = rect_in_front(push.lens, center, reach, distance, nearest);
    if (is_empty(rect)) {
        return false;
    }
    if (uint64_t(push.pyramid) == 0ul) {
        return true;
    }
    // The nearest depth that it can have; rounded to the near side.
    const uint depth = floatBitsToUint(push.lens.near / nearest) + 2;
    return farthest_in(rect, 1) <= depth && farthest_in(rect, 3) <= depth;
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    if (lane == 0) {
        found_count = 0;
    }
    barrier();
    const bool skips = uint64_t(push.pyramid) != 0ul;
    const uint before = skips ? push.pyramid.frame - 1 : 0;
    for (uint k = 0; k < EACH; ++k) {
        const uint number = gl_WorkGroupID.x * PER_GROUP + k * 256 + lane;
        if (number < push.scene.cell_count && !(skips && push.stamps.at[number] == before) && may_show(number)) {
            found[atomicAdd(found_count, 1)] = number;
        }
    }
    barrier();
    if (lane == 0 && found_count != 0) {
        first_place = reserve(push.appeared, found_count, 1);
    }
    barrier();
    for (uint i = lane; i < found_count; i += 256) {
        push.appeared.at[first_place + i] = found[i];
    }
}
