// out[i] = add + multiply * a[i + shift] + rotated b[i - shift] + keep * out[i], over n words, indices wrapping around.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

layout(local_size_x = 64) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words {
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    Words a;
    Words b;
    Words result;
    uint n;
    uint shift; // less than n
    uint add;
    uint multiply;
    uint keep;
} push;

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i < push.n) {
        const uint a = push.a.at[(i + push.shift) % push.n];
        const uint b = push.b.at[(i + push.n - push.shift) % push.n];
        const uint rotated = (b << 7) | (b >> 25);
        push.result.at[i] = push.add + push.multiply * a + rotated + push.keep * push.result.at[i];
    }
}
