// The cubes of a list of words, for the rasteriser: eight corners a cube.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/raster.glsl"

layout(location = 0) flat out uint out_word;

void main() {
    const uint cube = uint(gl_InstanceIndex) << push.shift | uint(gl_VertexIndex) >> 3;
    // The last instance need not be full.
    if (cube >= push.count.at[0]) {
        out_word = 0;
        gl_Position = NOWHERE;
        return;
    }
    out_word = push.list.at[cube];
    const Corner corner = corner_of(load_word(push.scene, out_word), uint(gl_VertexIndex) & 7u);
    gl_Position = push.eye_to_clip * vec4(corner.offset, 1.0);
}
