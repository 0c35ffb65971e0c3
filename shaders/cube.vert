// A cube of 24 vertices, four a face, for each entry of the visible list.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cube.glsl"

layout(location = 0) flat out uint out_color;
layout(location = 1) flat out uint out_face;
layout(location = 2) flat out uint out_id;
layout(location = 3) out float out_fade;

void main() {
    const Cube cube = load_word(push.scene, push.visible.at[gl_InstanceIndex]);
    const uint face = gl_VertexIndex >> 2;
    const uint corner = gl_VertexIndex & 3;

    // Corners 0..3 go counter-clockwise around the face as seen from outside.
    const uint axis = face >> 1;
    const float side = (face & 1u) == 0u ? 1.0 : -1.0;
    vec3 offset;
    offset[axis] = side;
    offset[(axis + 1) % 3] = side * (corner == 1 || corner == 2 ? 1.0 : -1.0);
    offset[(axis + 2) % 3] = corner >= 2 ? 1.0 : -1.0;

    // Relative to the eye first: large coordinates cancel before the matrix can round them.
    const vec3 relative = (cube.position - push.eye) + offset * cube.half_edge;
    gl_Position = push.eye_to_clip * vec4(relative, 1.0);
    out_color = cube.color;
    out_face = face;
    out_id = cube.id;
    const float depth = length(relative) * push.haze;
    out_fade = 1.0 - exp(-depth * depth);
}
