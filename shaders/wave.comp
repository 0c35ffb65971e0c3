// The cubes' places in a wave that goes through them by their ids.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_GOOGLE_include_directive : require
#include "include/instances.glsl"

layout(local_size_x = 256) in;

// A tenth of a radian, where a turn is 2^64: exact enough for any id.
const uint64_t STEP = 293589050328200123ul;
const float RADIANS = 6.28318530718 / 4294967296.0;

layout(push_constant, scalar) uniform Push {
    Instances rest;
    Instances places;
    uint count;
    // Where a turn is 2^32.
    uint phase;
    float height;
} push;

void main() {
    // A grid's width apart, so that a few workgroups serve any number.
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint id = gl_GlobalInvocationID.x; id < push.count; id += width) {
        Instance cube = push.rest.at[id];
        const uint turn = uint(uint64_t(id) * STEP >> 32) + push.phase;
        cube.position.y += push.height * sin(float(turn) * RADIANS);
        push.places.at[id] = cube;
    }
}
