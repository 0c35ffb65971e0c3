// Cubes that go up and down in turn: the motion of the cubes example with --animate.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_GOOGLE_include_directive : require

#include "include/instances.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    // Where they are at rest, and where they are now.
    Instances rest;
    Instances places;
    uint count;
    // In radians.
    float time;
} push;

// A tenth of a radian from a cube to the next. After so many of them it is a thousand waves, to 0.002: large indices
// would have no digits left for the sine.
const uint ROUND = 62832u;

void main() {
    // Threads go on from the end of the grid: a dispatch has not as many groups as there may be cubes.
    for (uint id = gl_GlobalInvocationID.x; id < push.count; id += gl_NumWorkGroups.x * gl_WorkGroupSize.x) {
        Instance cube = push.rest.at[id];
        cube.position.y += 2.0 * cube.half_edge * sin(push.time + float(id % ROUND) * 0.1);
        push.places.at[id] = cube;
    }
}
