// egui mixes encoded colours, so that is what is computed with.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/overlay.glsl"
#include "include/textures.glsl"

layout(location = 0) in vec2 in_uv;
layout(location = 1) in vec4 in_color;
layout(location = 0) out vec4 out_color;

vec3 encoded(vec3 light) {
    return mix(1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055, light * 12.92, lessThan(light, vec3(0.0031308)));
}

vec3 decoded(vec3 code) {
    return mix(pow((code + 0.055) / 1.055, vec3(2.4)), code / 12.92, lessThan(code, vec3(0.04045)));
}

void main() {
    vec4 texel = sampled(push.number, vec3(in_uv, 0.0));
    if ((push.flags & TEXTURE_IS_LINEAR) != 0) {
        texel.rgb = encoded(texel.rgb);
    }
    vec4 color = in_color * texel;
    if ((push.flags & TARGET_IS_LINEAR) != 0) {
        color.rgb = decoded(color.rgb);
    }
    out_color = color;
}
