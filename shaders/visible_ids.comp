// The callers' ids of the cubes in a list of words.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    List words;
    List ids;
    uint count;
} push;

void main() {
    // A grid's width apart, so that a few workgroups serve any number.
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.count; i += width) {
        push.ids.at[i] = load_word(push.scene, push.words.at[i]).id;
    }
}
