// Begins a view's frame: nothing is visible yet, and nothing listed but what the frame before left.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/visibility.glsl"
#include "include/work.glsl"
#include "include/pyramid.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    Visibility visibility;
    WorkList appeared;
    WorkList large;
    Pyramid pyramid;
    List listed;
    uint pixels;
} push;

void main() {
    if (gl_GlobalInvocationID.x == 0) {
        make_empty(push.appeared);
        make_empty(push.large);
        push.pyramid.done = 0;
    }
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.pixels; i += width) {
        push.visibility.at[i] = 0ul;
    }
    for (uint i = gl_GlobalInvocationID.x; i < 1u << LISTED_BITS; i += width) {
        push.listed.at[i] = NO_ID;
    }
}
