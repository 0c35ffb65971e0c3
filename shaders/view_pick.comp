// The caller's ids of what some pixels show.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/visibility.glsl"

layout(local_size_x = 64) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    VisibilityHalves visibility;
    // Row after row from the top left.
    List pixels;
    List ids;
    uint count;
} push;

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i < push.count) {
        const uvec2 visible = push.visibility.at[push.pixels.at[i]];
        push.ids.at[i] = visible.y == 0 ? NO_ID : load_word(push.scene, visible.x).id;
    }
}
