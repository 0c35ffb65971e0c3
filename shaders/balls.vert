// The cpu_jobs example's draw: a disc of 16 triangles for each instance. triangle.frag colours it.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/balls.glsl"

const uint TRIANGLES = 16;

layout(push_constant, scalar) uniform Push {
    Discs discs;
} push;

layout(location = 0) out vec3 color;

void main() {
    const Disc disc = push.discs.at[gl_InstanceIndex];
    const uint corner = gl_VertexIndex % 3;
    const float turn = 6.2831853 / TRIANGLES * (gl_VertexIndex / 3 + (corner == 2 ? 1 : 0));
    const vec2 offset = corner == 0 ? vec2(0.0) : vec2(cos(turn), sin(turn));
    color = disc.color;
    // Clip space has y down; the balls' world has it up.
    gl_Position = vec4((disc.centre + disc.radius * offset) * vec2(1.0, -1.0), 0.5, 1.0);
}
