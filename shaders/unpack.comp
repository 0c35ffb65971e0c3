// Every cube as it is drawn, in the order of the caller's ids. A workgroup a cell, one after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/instances.glsl"

layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    Instances instances;
} push;

void main() {
    for (uint number = gl_WorkGroupID.x; number < push.scene.cell_count; number += gl_NumWorkGroups.x) {
        const Cell cell = push.scene.cells.at[number];
        const uint end = push.scene.cells.at[number + 1].first;
        for (uint slot = cell.first + gl_LocalInvocationIndex; slot < end; slot += 64) {
            const Cube cube = unpack(cell, load_packed(push.scene, slot));
            push.instances.at[cube.id] = Instance(cube.position, cube.half_edge, cube.color);
        }
    }
}
