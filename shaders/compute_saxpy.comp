// y = a * x + y. A workgroup has one block of quads, which begin where y is aligned to 16 bytes; the first workgroup has the
// few elements before and behind them as well.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "include/compute.glsl"

layout(local_size_x_id = 0) in;
layout(local_size_x = 256) in;

// Quads of an invocation.
layout(constant_id = 1) const uint ROUNDS = 4;

layout(push_constant, scalar) uniform Push {
    Words x;
    Words y;
    uint64_t count;
    float a;
    // Elements before the first quad.
    uint head;
} push;

vec4 scaled(uvec4 x, uvec4 y) {
    return fma(vec4(push.a), uintBitsToFloat(x), uintBitsToFloat(y));
}

void one(uint64_t i) {
    Words x = words_from(push.x, i), y = words_from(push.y, i);
    y.at[0] = floatBitsToUint(fma(push.a, uintBitsToFloat(x.at[0]), uintBitsToFloat(y.at[0])));
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    const uint group = group_number();
    const uint64_t quads = (push.count - push.head) / 4;
    if (group == 0) {
        const uint tail = uint(push.count - push.head) & 3u;
        if (lane < push.head) {
            one(lane);
        } else if (lane >= 4 && lane < 4 + tail) {
            one(push.head + quads * 4 + lane - 4);
        }
    }

    const uint block = gl_WorkGroupSize.x * ROUNDS;
    const uint64_t first = uint64_t(group) * block;
    if (first >= quads) {
        return;
    }
    const uint left = uint(min(quads - first, uint64_t(block)));
    Words x = words_from(push.x, push.head + first * 4);
    Words y = words_from(push.y, push.head + first * 4);
    const bool aligned = is_aligned(x);
    if (left == block) {
        // All loads before the first store, so that they are on their way together.
        uvec4 xs[ROUNDS], ys[ROUNDS];
        [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
            const uint quad = round * gl_WorkGroupSize.x + lane;
            xs[round] = load_quad(x, quad, aligned);
            ys[round] = load_quad(y, quad, true);
        }
        [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
            const uint quad = round * gl_WorkGroupSize.x + lane;
            store_quad(y, quad, true, floatBitsToUint(scaled(xs[round], ys[round])));
        }
    } else {
        for (uint quad = lane; quad < left; quad += gl_WorkGroupSize.x) {
            const uvec4 x_quad = load_quad(x, quad, aligned), y_quad = load_quad(y, quad, true);
            store_quad(y, quad, true, floatBitsToUint(scaled(x_quad, y_quad)));
        }
    }
}
