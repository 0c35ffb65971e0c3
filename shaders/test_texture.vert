// tests/textures.rs: a triangle over the whole picture, and where it lies on the texture.
#version 460
#extension GL_EXT_scalar_block_layout : require

layout(push_constant, scalar) uniform Push {
    vec2 origin;
    vec2 right;
    vec2 down;
    float layer;
    uint number;
} push;

layout(location = 0) out vec3 out_at;

void main() {
    const vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1) * 2.0;
    out_at = vec3(push.origin + corner.x * push.right + corner.y * push.down, push.layer);
    gl_Position = vec4(corner * 2.0 - 1.0, 0.5, 1.0);
}
