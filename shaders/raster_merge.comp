// Puts what the rasteriser drew into the visibility buffer, where that is nearer than what is there.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/visibility.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    List depths;
    List words;
    VisibilityHalves visibility;
    uint pixels;
} push;

void main() {
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.pixels; i += width) {
        // The bits of positive floats are in the order of their values; where nothing was drawn the depth is 0.
        const uint depth = push.depths.at[i];
        const uint word = push.words.at[i];
        const uvec2 there = push.visibility.at[i];
        if (depth > there.y || (depth == there.y && depth != 0 && word > there.x)) {
            push.visibility.at[i] = uvec2(word, depth);
        }
    }
}
