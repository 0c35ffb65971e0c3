// The colour of a cube's face, and which cube it is. Several samples a pixel make its edges smooth.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/raster.glsl"
#include "include/light.glsl"

layout(location = 0) flat in uint in_word;
layout(location = 1) flat in uint in_color;
layout(location = 2) flat in uint in_face;
layout(location = 3) in vec3 in_offset;

layout(location = 0) out uint out_word;
layout(location = 1) out vec4 out_color;

void main() {
    vec3 normal = vec3(0.0);
    normal[in_face >> 1] = (in_face & 1u) == 0u ? 1.0 : -1.0;
    const float far = length(in_offset) * push.haze;
    out_word = in_word;
    out_color = vec4(mix(push.sky, lit(albedo(in_color), normal), exp(-far * far)), 1.0);
}
