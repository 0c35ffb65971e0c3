#version 460
#extension GL_GOOGLE_include_directive : require
#include "palette.glsl"

layout(location = 0) in vec2 place;
layout(location = 0) out vec4 color;

void main() {
    float disc = length((place - vec2(0.7, 0.35)) * vec2(4.0, 3.0));
    color = vec4(mix(SUN, mix(ZENITH, HORIZON, place.y), smoothstep(0.3, 0.32, disc)), 1.0);
}
