// One link of the frame bench's chain: to[i] = from[i] + 1, for the 64 elements of one workgroup.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

layout(local_size_x = 64) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words {
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    Words from;
    Words to;
    uint first;
} push;

void main() {
    const uint i = push.first + gl_LocalInvocationID.x;
    push.to.at[i] = push.from.at[i] + 1;
}
