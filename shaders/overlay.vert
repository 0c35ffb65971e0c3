// A corner of egui's triangles.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/overlay.glsl"

layout(location = 0) out vec2 out_uv;
layout(location = 1) out vec4 out_color;

void main() {
    const Vertex vertex = push.vertices.at[push.indices.at[gl_VertexIndex]];
    out_uv = vertex.uv;
    out_color = unpackUnorm4x8(vertex.color);
    gl_Position = vec4(vertex.at * push.clip_of_point - 1.0, 0.5, 1.0);
}
