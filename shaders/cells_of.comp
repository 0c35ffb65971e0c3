// Which cell each cube is in, by the caller's id. A workgroup a cell, one after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"

layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    List cells_of;
} push;

void main() {
    for (uint number = gl_WorkGroupID.x; number < push.scene.cell_count; number += gl_NumWorkGroups.x) {
        const uint end = push.scene.cells.at[number + 1].first;
        for (uint slot = push.scene.cells.at[number].first + gl_LocalInvocationIndex; slot < end; slot += 64) {
            push.cells_of.at[load_packed(push.scene, slot).w] = number;
        }
    }
}
