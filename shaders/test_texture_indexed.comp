// tests/textures.rs: as test_texture.comp, for devices on which a number may choose a texture.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

layout(local_size_x = 1) in;

layout(constant_id = 1000) const uint TEXTURES = 16;
layout(set = 1, binding = 0) uniform sampler2DArray textures[TEXTURES];

layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Found {
    vec4 at[];
};

layout(push_constant, scalar) uniform Push {
    Found found;
    float level;
} push;

void main() {
    push.found.at[gl_WorkGroupID.x] = textureLod(textures[gl_WorkGroupID.x], vec3(0.5, 0.5, 0.0), push.level);
}
