// Builds the depth pyramid in one dispatch: a workgroup makes six levels of 64 × 64 pixels, the last one to end the rest.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#pragma use_vulkan_memory_model
#include "include/cells.glsl"
#include "include/visibility.glsl"
#include "include/work.glsl"
#include "include/pyramid.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    VisibilityHalves visibility;
    Pyramid pyramid;
    WorkList kept;
    WorkList large;
    uvec2 size;
    uint levels;
} push;

// Beyond the picture: never the farthest.
const uint NEAREST = 0xffffffffu;
// Levels that a workgroup makes: 64 pixels are one texel of the last.
const uint OWN = 6;

shared uint tile[16 * 16];
shared bool is_last;

uint farthest(uint a, uint b, uint c, uint d) {
    return min(min(a, b), min(c, d));
}

uvec2 side(uint level) {
    return uvec2(level_side(push.size.x, level), level_side(push.size.y, level));
}

uint pixel(uvec2 at) {
    return all(lessThan(at, push.size)) ? push.visibility.at[at.y * push.size.x + at.x].y : NEAREST;
}

void store(uint level, uvec2 at, uint depth) {
    if (level < push.levels && all(lessThan(at, side(level)))) {
        // Read by another workgroup, the last.
        atomicStore(push.pyramid.at[push.pyramid.first[level] + at.y * side(level).x + at.x], depth, gl_ScopeDevice,
                    gl_StorageSemanticsNone, gl_SemanticsRelaxed);
    }
}

uint load(uint level, uvec2 at) {
    if (any(greaterThanEqual(at, side(level)))) {
        return NEAREST;
    }
    return atomicLoad(push.pyramid.at[push.pyramid.first[level] + at.y * side(level).x + at.x], gl_ScopeDevice,
                      gl_StorageSemanticsNone, gl_SemanticsRelaxed);
}

// Levels 0 to 5 of the workgroup's pixels.
void own_levels() {
    const uint lane = gl_LocalInvocationIndex;
    const uvec2 at = uvec2(lane & 15u, lane >> 4);
    const uvec2 first = gl_WorkGroupID.xy * 64 + at * 4;
    uint quads[4];
    for (uint i = 0; i < 4; ++i) {
        const uvec2 quad = first + uvec2(i & 1u, i >> 1) * 2;
        quads[i] = farthest(pixel(quad), pixel(quad + uvec2(1, 0)), pixel(quad + uvec2(0, 1)), pixel(quad + uvec2(1, 1)));
        store(0, quad / 2, quads[i]);
    }
    uint depth = farthest(quads[0], quads[1], quads[2], quads[3]);
    store(1, first / 4, depth);
    tile[lane] = depth;
    for (uint level = 2; level < OWN; ++level) {
        barrier();
        const uint across = 64u >> (level + 1);
        const uvec2 here = uvec2(lane % across, lane / across);
        const bool takes_part = lane < across * across;
        if (takes_part) {
            const uint from = here.y * 2 * (across * 2) + here.x * 2;
            depth = farthest(tile[from], tile[from + 1], tile[from + across * 2], tile[from + across * 2 + 1]);
            store(level, gl_WorkGroupID.xy * across + here, depth);
        }
        barrier();
        if (takes_part) {
            tile[here.y * across + here.x] = depth;
        }
    }
}

// The levels above, from level 5.
void last_levels() {
    for (uint level = OWN; level < push.levels; ++level) {
        const uvec2 texels = side(level);
        for (uint i = gl_LocalInvocationIndex; i < texels.x * texels.y; i += gl_WorkGroupSize.x) {
            const uvec2 at = uvec2(i % texels.x, i / texels.x);
            const uvec2 from = at * 2;
            store(level, at, farthest(load(level - 1, from), load(level - 1, from + uvec2(1, 0)),
                                      load(level - 1, from + uvec2(0, 1)), load(level - 1, from + uvec2(1, 1))));
        }
        controlBarrier(gl_ScopeWorkgroup, gl_ScopeDevice, gl_StorageSemanticsBuffer, gl_SemanticsAcquireRelease);
    }
}

void main() {
    own_levels();
    controlBarrier(gl_ScopeWorkgroup, gl_ScopeDevice, gl_StorageSemanticsBuffer, gl_SemanticsAcquireRelease);
    if (gl_LocalInvocationIndex == 0) {
        const uint before = atomicAdd(push.pyramid.done, 1, gl_ScopeDevice, gl_StorageSemanticsBuffer,
                                      gl_SemanticsAcquireRelease);
        is_last = before + 1 == gl_NumWorkGroups.x * gl_NumWorkGroups.y;
        if (is_last) {
            // Both are drawn by now.
            make_empty(push.kept);
            make_empty(push.large);
        }
    }
    controlBarrier(gl_ScopeWorkgroup, gl_ScopeDevice, gl_StorageSemanticsBuffer | gl_StorageSemanticsShared,
                   gl_SemanticsAcquireRelease);
    if (is_last) {
        last_levels();
    }
}
