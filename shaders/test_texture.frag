// tests/textures.rs: the texture, as it is.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_scalar_block_layout : require
#include "include/textures.glsl"

layout(push_constant, scalar) uniform Push {
    vec2 origin;
    vec2 right;
    vec2 down;
    float layer;
    uint number;
} push;

layout(location = 0) in vec3 in_at;
layout(location = 0) out vec4 out_color;

void main() {
    out_color = sampled(push.number, in_at);
}
