// Makes words zero.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

layout(local_size_x = 256) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly buffer Words {
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    Words words;
    uint count;
    // Invocations in all.
    uint stride;
} push;

void main() {
    for (uint i = gl_GlobalInvocationID.x; i < push.count; i += push.stride) {
        push.words.at[i] = 0;
    }
}
