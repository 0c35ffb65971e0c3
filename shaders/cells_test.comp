// Which cells may show: a lane a cell. Those outside of the frustum, hidden behind what is drawn, or too small for any
// pixel's middle are out.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_basic : require
#include "include/cells.glsl"
#include "include/lens.glsl"
#include "include/work.glsl"
#include "include/pyramid.glsl"
#include "include/lod.glsl"
#include "include/slices.glsl"

const uint LANES = 128;

layout(local_size_x = LANES) in;

// Rounding, as part of a distance: see src/cull/frustum.rs.
const float ROUNDING = 1.0 / 524288.0;

layout(push_constant, scalar) uniform Push {
    Lens lens;
    Scene scene;
    WorkList appeared;
    // 0: nothing is drawn yet.
    Pyramid pyramid;
} push;

shared uint found[LANES];
shared uint found_count;
shared uint first_place;

// Whether a box reaches to the inner side of a plane through the eye.
bool reaches(vec3 normal, vec3 center, vec3 reach) {
    return dot(normal, center) + dot(abs(normal), reach) >= 0.0;
}

// Whether something may show that is in a rectangle and not nearer than `depth`.
bool shows(Rect rect, uint depth, uint most) {
    return farthest_in(push.pyramid, size_of(push.lens).x, rect.low, rect.high, most) <= depth;
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
    const uint depth = depth_before(push.lens, nearest);
    // Most are hidden at the first look.
    return shows(rect, depth, 1) && shows(rect, depth, 3) && shows(rect, depth, 7);
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    if (lane == 0) {
        found_count = 0;
    }
    barrier();
    // The second dimension only carries on where the first reached its limit.
    const uint number = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * LANES + lane;
    if (number < push.scene.cell_count && may_show(number)) {
        found[atomicAdd(found_count, 1)] = number;
    }
    barrier();
    if (lane == 0 && found_count != 0) {
        first_place = reserve(push.appeared, found_count, slices() * gl_SubgroupSize);
    }
    barrier();
    if (lane < found_count) {
        push.appeared.at[first_place + lane] = found[lane];
    }
}
