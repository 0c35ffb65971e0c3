// y = a * x + y, over n floats.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

layout(local_size_x = 256) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Floats {
    float at[];
};

layout(push_constant, scalar) uniform Push {
    Floats x;
    Floats y;
    float a;
    uint n;
} push;

void main() {
    const uint i = gl_GlobalInvocationID.x;
    if (i < push.n) {
        push.y.at[i] = push.a * push.x.at[i] + push.y.at[i];
    }
}
