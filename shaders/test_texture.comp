// tests/textures.rs: the middle of a texture's level, for every texture of the pass.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#include "include/textures.glsl"

layout(local_size_x = 1) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Found {
    vec4 at[];
};

layout(push_constant, scalar) uniform Push {
    Found found;
    float level;
} push;

void main() {
    push.found.at[gl_WorkGroupID.x] = sampled_at(gl_WorkGroupID.x, vec3(0.5, 0.5, 0.0), push.level);
}
