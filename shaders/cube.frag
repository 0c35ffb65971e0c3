// Cubes in the light of the sun and the sky.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cube_shade.glsl"

layout(location = 0) out vec4 out_color;

void main() {
    out_color = shade();
}
