// As cube.frag, and the index of the instance beside the colour: for picking and for tests.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cube_shade.glsl"

layout(location = 0) out vec4 out_color;
layout(location = 1) out uint out_id;

void main() {
    out_color = shade();
    out_id = in_id;
}
