// Puts what the rasteriser drew into the visibility buffer, where that is nearer than what is there.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x = 256) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly restrict buffer Texels {
    uint at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 8) restrict buffer Visibility {
    uint64_t at[];
};

layout(push_constant, scalar) uniform Push {
    Texels depths;
    Texels words;
    Visibility visibility;
    uint pixels;
} push;

void main() {
    // The second dimension only carries on where the first reached the device's limit.
    const uint pixel = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * 256u + gl_LocalInvocationIndex;
    if (pixel >= push.pixels) {
        return;
    }
    // The bits of positive floats are in the order of their values; where nothing was drawn the depth is 0.
    const uint depth = push.depths.at[pixel];
    if (depth == 0) {
        return;
    }
    const uint64_t drawn = uint64_t(depth) << 32 | uint64_t(push.words.at[pixel]);
    if (drawn > push.visibility.at[pixel]) {
        push.visibility.at[pixel] = drawn;
    }
}
