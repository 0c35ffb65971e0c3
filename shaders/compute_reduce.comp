// The sum, the least or the greatest of many numbers in one dispatch: each workgroup has a share of the blocks and leaves
// one number; the workgroup that is through last goes over those.
//
// The order in which numbers meet depends on how many they are and on nothing else, so the result of f32 sums is the same
// in every run.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#pragma use_vulkan_memory_model
#include "include/compute.glsl"

layout(local_size_x = 256) in;

// What numbers are, and what is done with them: as in src/compute/element.rs and src/compute/reduce.rs.
const uint F32 = 0, U32 = 1, I32 = 2;
const uint SUM = 0, MIN = 1, MAX = 2;
layout(constant_id = 0) const uint KIND = F32;
layout(constant_id = 1) const uint OPERATION = SUM;

// Quads of an invocation in one block.
layout(constant_id = 2) const uint ROUNDS = 4;

const uint LANES = 256;
const uint BLOCK_QUADS = LANES * ROUNDS;
const uint BLOCK = BLOCK_QUADS * 4;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Partials {
    // Workgroups that are through: 0 again at the end.
    uint done;
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    Words numbers;
    Words result;
    Partials partials;
    uint64_t count;
} push;

shared uint lanes[LANES];
shared bool is_last;

// What a number is compared by: as an unsigned integer, in the order of IEEE 754-2019's minimum and maximum, where -0 is
// less than +0 and a NaN wins. Sums are made of the bits as they are.
uint key(uint bits) {
    if (OPERATION == SUM || KIND == U32) {
        return bits;
    }
    if (KIND == I32) {
        return bits ^ 0x80000000u;
    }
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return OPERATION == MIN ? 0u : ~0u;
    }
    return bits ^ (uint(int(bits) >> 31) | 0x80000000u);
}

uint number(uint key) {
    if (OPERATION == SUM || KIND == U32) {
        return key;
    }
    if (KIND == I32) {
        return key ^ 0x80000000u;
    }
    if (key == 0u || key == ~0u) {
        return 0x7fc00000u;
    }
    return (key & 0x80000000u) != 0 ? key ^ 0x80000000u : ~key;
}

// The key of the result for no numbers.
uint nothing() {
    if (OPERATION == SUM) {
        return 0;
    }
    if (KIND == F32) {
        return key(OPERATION == MIN ? 0x7f800000u : 0xff800000u);
    }
    return OPERATION == MIN ? ~0u : 0u;
}

uvec4 keys(uvec4 bits) {
    return uvec4(key(bits.x), key(bits.y), key(bits.z), key(bits.w));
}

uint together(uint a, uint b) {
    if (OPERATION == MIN) {
        return min(a, b);
    }
    if (OPERATION == MAX) {
        return max(a, b);
    }
    if (KIND == F32) {
        precise const float sum = uintBitsToFloat(a) + uintBitsToFloat(b);
        return floatBitsToUint(sum);
    }
    return a + b;
}

uvec4 together(uvec4 a, uvec4 b) {
    return uvec4(together(a.x, b.x), together(a.y, b.y), together(a.z, b.z), together(a.w, b.w));
}

// The lanes of a workgroup, halved until there is one; the result is invocation 0's.
uint over_lanes(uint mine) {
    const uint lane = gl_LocalInvocationIndex;
    for (uint under = LANES / 2; under > 0; under /= 2) {
        if (lane >= under && lane < under * 2) {
            lanes[lane] = mine;
        }
        barrier();
        if (lane < under) {
            mine = together(mine, lanes[lane + under]);
        }
    }
    return mine;
}

uint over_blocks() {
    const uint lane = gl_LocalInvocationIndex;
    const bool aligned = is_aligned(push.numbers);
    const uint64_t step = uint64_t(gl_NumWorkGroups.x) * BLOCK;
    uvec4 mine = uvec4(nothing());
    for (uint64_t first = uint64_t(gl_WorkGroupID.x) * BLOCK; first < push.count; first += step) {
        Words words = words_from(push.numbers, first);
        const uint count = uint(min(push.count - first, uint64_t(BLOCK)));
        uvec4 quads[ROUNDS];
        if (count == BLOCK) {
            [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
                quads[round] = load_quad(words, round * LANES + lane, aligned);
            }
            [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
                mine = together(mine, keys(quads[round]));
            }
        } else {
            for (uint quad = lane; quad * 4 < count; quad += LANES) {
                mine = together(mine, keys(load_some(words, quad, count, number(nothing()))));
            }
        }
    }
    return together(together(mine.x, mine.y), together(mine.z, mine.w));
}

uint over_partials() {
    uint mine = nothing();
    for (uint i = gl_LocalInvocationIndex; i < gl_NumWorkGroups.x; i += LANES) {
        const uint partial =
            atomicLoad(push.partials.at[i], gl_ScopeDevice, gl_StorageSemanticsNone, gl_SemanticsRelaxed);
        mine = together(mine, partial);
    }
    return mine;
}

void main() {
    const uint own = over_lanes(over_blocks());
    if (gl_LocalInvocationIndex == 0) {
        atomicStore(push.partials.at[gl_WorkGroupID.x], own, gl_ScopeDevice, gl_StorageSemanticsNone,
                    gl_SemanticsRelaxed);
        const uint before = atomicAdd(push.partials.done, 1u, gl_ScopeDevice, gl_StorageSemanticsBuffer,
                                      gl_SemanticsAcquireRelease);
        is_last = before + 1 == gl_NumWorkGroups.x;
    }
    controlBarrier(gl_ScopeWorkgroup, gl_ScopeDevice, gl_StorageSemanticsBuffer | gl_StorageSemanticsShared,
                   gl_SemanticsAcquireRelease);
    if (is_last) {
        const uint result = over_lanes(over_partials());
        if (gl_LocalInvocationIndex == 0) {
            push.result.at[0] = number(result);
            atomicStore(push.partials.done, 0u, gl_ScopeDevice, gl_StorageSemanticsNone, gl_SemanticsRelaxed);
        }
    }
}
