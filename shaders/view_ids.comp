// The caller's id of what each pixel shows.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/visibility.glsl"

layout(local_size_x = 256) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    VisibilityHalves visibility;
    List ids;
    uint pixels;
} push;

void main() {
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.pixels; i += width) {
        const uvec2 visible = push.visibility.at[i];
        push.ids.at[i] = visible.y == 0 ? NO_ID : load_word(push.scene, visible.x).id;
    }
}
