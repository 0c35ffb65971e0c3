// Frustum cull: keeps every cube whose box touches the camera's infinite frustum, writes their words and adds their
// number to the indirect draw. A workgroup looks at eight cells and touches the global count once.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"

const uint LANES = 256;
// Cells a workgroup; of 256 cubes at the most.
const uint CELLS = 8;
const uint PER_GROUP = LANES * CELLS;
// Rounding: `position - eye` and the dot product err by less than 2^-21 of the distance (its 1-norm) together.
// Four times that costs no measurable false positive and leaves room for any order of evaluation.
const float ROUNDING = 1.0 / 524288.0;

layout(local_size_x = LANES) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    List visible;
    DrawIndexedArgs args;
    vec3 eye;
    // xyz: a plane's inward normal. w: how far outside a point at the eye may be.
    vec4 planes[5];
} push;

shared uint kept[PER_GROUP];
shared uint kept_count;
shared uint first_slot;

bool touches_frustum(vec3 position, float half_edge) {
    const vec3 offset = position - push.eye;
    const float slack = (abs(offset.x) + abs(offset.y) + abs(offset.z) + half_edge) * ROUNDING;
    bool touches = true;
    for (uint i = 0; i < 5; ++i) {
        const vec4 plane = push.planes[i];
        const float reach = (abs(plane.x) + abs(plane.y) + abs(plane.z)) * half_edge;
        touches = touches && dot(plane.xyz, offset) + reach + plane.w + slack >= 0.0;
    }
    return touches;
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    // The second dimension only carries on where the first reached the device's limit.
    const uint group = gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
    if (group * CELLS >= push.scene.cell_count) {
        return;
    }
    if (lane == 0) {
        kept_count = 0;
    }
    barrier();

    const uint base = group * CELLS;
    const uint cells = min(CELLS, push.scene.cell_count - base);
    uint mask = 0;
    for (uint k = 0; k < cells; ++k) {
        const Cell cell = push.scene.cells.at[base + k];
        const uint slot = cell.first + lane;
        if (slot < push.scene.cells.at[base + k + 1].first) {
            const uvec4 packed = load_packed(push.scene, slot);
            mask |= uint(touches_frustum(position_of(cell, packed), half_edge_of(cell, packed))) << k;
        }
    }
    if (mask != 0) {
        uint slot = atomicAdd(kept_count, bitCount(mask));
        for (; mask != 0; mask &= mask - 1) {
            kept[slot++] = word_of(base + findLSB(mask), lane);
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
