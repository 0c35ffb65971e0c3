// A cube of a block as an instance of 24 vertices, four to each of all six faces: what three faces are measured against.
#version 460
#extension GL_EXT_scalar_block_layout : require

layout(push_constant, scalar) uniform Push {
    // World space relative to the eye -> clip space.
    mat4 eye_to_clip;
    vec3 eye;
    uint side;
    float spacing;
    float half_edge;
} push;

layout(location = 0) flat out uint out_word;

void main() {
    const uint i = gl_InstanceIndex;
    const vec3 place = vec3(i % push.side, i / push.side % push.side, i / push.side / push.side) * push.spacing;
    const uint axis = gl_VertexIndex >> 3;
    const float side = (gl_VertexIndex & 4u) == 0u ? 1.0 : -1.0;
    const uint corner = gl_VertexIndex & 3u;
    vec3 offset;
    offset[axis] = side;
    offset[(axis + 1) % 3] = side * (corner == 1 || corner == 2 ? 1.0 : -1.0);
    offset[(axis + 2) % 3] = corner >= 2 ? 1.0 : -1.0;
    gl_Position = push.eye_to_clip * vec4(place - push.eye + offset * push.half_edge, 1.0);
    out_word = i;
}
