// Two-phase culling in the way of renderers that keep a record an instance: each phase looks at all of them, one lane
// each. The first passes those on that were visible in the last frame; the second tests all against the frustum and a
// depth pyramid, passes on what the first did not, and notes what is visible.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/records.glsl"

layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
    Records records;
    // 1 for each instance that was visible.
    Words shown;
    Commands commands;
    Words command_count;
    // Reversed depths, each level half the sides of the one before, from 1024 x 512 on.
    Depths pyramid;
    uint count;
    // 0 or 1.
    uint phase;
    vec3 eye;
    float near;
    // Right, up and forward, the first two over half of what is seen at a distance of 1.
    vec3 axes[3];
} push;

const uvec2 PYRAMID = uvec2(1024, 512);

float depth_at(uint level, uvec2 texel) {
    uint first = 0;
    for (uint l = 0; l < level; ++l) {
        first += (PYRAMID.x >> l) * (PYRAMID.y >> l);
    }
    const uvec2 size = max(PYRAMID >> level, uvec2(1));
    const uvec2 within = min(texel, size - 1);
    return push.pyramid.at[first + within.y * size.x + within.x];
}

bool in_front(vec3 place, float radius) {
    const vec2 low = (place.xy - radius) / place.z * 0.5 + 0.5;
    const vec2 high = (place.xy + radius) / place.z * 0.5 + 0.5;
    const vec2 texels = (high - low) * vec2(PYRAMID);
    const uint level = min(uint(max(ceil(log2(max(max(texels.x, texels.y), 1.0))), 0.0)), 9u);
    const uvec2 first = uvec2(clamp(low, 0.0, 1.0) * vec2(PYRAMID >> level));
    const float farthest = min(
        min(depth_at(level, first), depth_at(level, first + uvec2(1, 0))),
        min(depth_at(level, first + uvec2(0, 1)), depth_at(level, first + 1)));
    return push.near / max(place.z - radius, push.near) >= farthest;
}

void main() {
    const uint i = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * gl_WorkGroupSize.x + gl_LocalInvocationIndex;
    if (i >= push.count) {
        return;
    }
    const bool was_shown = push.shown.at[i] != 0;
    if (push.phase == 0 && !was_shown) {
        return;
    }
    const Record record = push.records.at[i];
    const vec3 offset = record.position - push.eye;
    const vec3 place = vec3(dot(offset, push.axes[0]), dot(offset, push.axes[1]), dot(offset, push.axes[2]));
    const float radius = record.scale * 1.7320508;
    bool visible = all(lessThan(abs(place.xy), vec2(place.z + radius * 2.0))) && place.z + radius > push.near;
    if (push.phase == 1) {
        visible = visible && (place.z <= radius + push.near || in_front(place, radius));
    }
    if (visible && push.phase == uint(!was_shown)) {
        const uint entry = atomicAdd(push.command_count.at[0], 1);
        push.commands.at[entry] = Command(36, 1, 0, 0, 0, i);
    }
    if (push.phase == 1) {
        push.shown.at[i] = uint(visible);
    }
}
