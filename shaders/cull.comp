// Frustum cull: keeps every instance whose box touches the camera's infinite frustum, writes their indices and
// adds their number to the indirect draw. A workgroup looks at 2,048 instances and touches the global count once.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/instances.glsl"

const uint LANES = 256;
const uint PER_LANE = 8;
const uint PER_GROUP = LANES * PER_LANE;
// Rounding: `position - eye` and the dot product err by less than 2^-21 of the distance (its 1-norm) together.
// Four times that costs no measurable false positive and leaves room for any order of evaluation.
const float ROUNDING = 1.0 / 524288.0;

layout(local_size_x = LANES) in;

layout(push_constant, scalar) uniform Push {
    Instances instances;
    VisibleList visible;
    DrawIndexedArgs args;
    uint count;
    vec3 eye;
    // xyz: a plane's inward normal. w: what a box at the eye still has to spare, its reach along the normal included.
    vec4 planes[5];
} push;

shared uint kept[PER_GROUP];
shared uint kept_count;
shared uint first_slot;

bool touches_frustum(vec3 position) {
    const vec3 offset = position - push.eye;
    const float slack = (abs(offset.x) + abs(offset.y) + abs(offset.z)) * ROUNDING;
    bool touches = true;
    for (uint i = 0; i < 5; ++i) {
        touches = touches && dot(push.planes[i].xyz, offset) + push.planes[i].w + slack >= 0.0;
    }
    return touches;
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    // The second dimension only carries on where the first reached the device's limit.
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (group > (push.count - 1) / PER_GROUP) {
        return;
    }
    if (lane == 0) {
        kept_count = 0;
    }
    barrier();

    const uint base = group * PER_GROUP + lane;
    uint mask = 0;
    for (uint k = 0; k < PER_LANE; ++k) {
        const uint index = base + k * LANES;
        if (index < push.count && touches_frustum(load_instance(push.instances, index).position)) {
            mask |= 1u << k;
        }
    }
    if (mask != 0) {
        uint slot = atomicAdd(kept_count, bitCount(mask));
        for (; mask != 0; mask &= mask - 1) {
            kept[slot++] = base + findLSB(mask) * LANES;
        }
    }
    barrier();

    if (lane == 0 && kept_count != 0) {
        first_slot = atomicAdd(push.args.instance_count, kept_count);
    }
    barrier();

    // Through shared memory, so that the list is written in whole cache lines.
    for (uint i = lane; i < kept_count; i += LANES) {
        push.visible.at[first_slot + i] = kept[i];
    }
}
