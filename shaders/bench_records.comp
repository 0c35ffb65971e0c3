// Fills the records of a block of cubes: `side` to each side, in the order x, y, z.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/records.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    Records records;
    Words shown;
    uint count;
    uint side;
    float spacing;
    float half_edge;
} push;

void main() {
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.count; i += width) {
        const uvec3 place = uvec3(i, i / push.side, i / push.side / push.side) % uvec3(push.side, push.side, 0xffffffffu);
        push.records.at[i] = Record(vec3(place) * push.spacing, push.half_edge, vec4(0.0, 0.0, 0.0, 1.0), 0, i & 15u, 0, 0);
        push.shown.at[i] = 0;
    }
}
