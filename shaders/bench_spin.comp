// Keeps the device busy for a time that grows with `rounds`: each round needs the one before it.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

layout(local_size_x = 1) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words {
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    Words words;
    uint rounds;
} push;

void main() {
    uint x = push.words.at[0];
    for (uint i = 0; i < push.rounds; ++i) {
        x = x * 1664525 + 1013904223;
        x ^= x >> 13;
    }
    push.words.at[0] = x;
}
