// C = alpha * A * B + beta * C, as accurate as f32, by products of bfloat16 on matrix units.
// Each number is split into three parts of 8 bits, which are its 24 bits exactly; of the nine products of parts, the three
// smallest are left out: they are up to four units in the last place of a product. A subgroup multiplies 16 x 16 x 16 at a time into sums of their own,
// which are then added in f32, as matrix units may cut where f32 rounds.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_EXT_bfloat16 : require
#include "include/gemm.glsl"

// Subgroups are asked for in this size.
const uint SUBGROUP = 32;
const uint INVOCATIONS = ROWS / TEAM_ROWS * TEAMS_ACROSS * SUBGROUP;
const uint PARTS = 3;
// Groups of eight parts: 16 bytes.
const uint DEPTH_8 = DEPTH / 8;
const uint COLUMNS_8 = COLUMNS / 8;
const uint LOADS_A = ROWS * DEPTH_8 / INVOCATIONS;
const uint LOADS_B = DEPTH * COLUMNS_8 / INVOCATIONS;
const uint STEP_A = INVOCATIONS / DEPTH_8;
const uint STEP_B = INVOCATIONS / COLUMNS_8;
// Rows in shared memory are one group longer than they need to be: eight of them meet no bank twice.
const uint LINE_A = DEPTH_8 + 1;
const uint LINE_B = COLUMNS_8 + 1;
const uint PART_A = ROWS * LINE_A;
const uint PART_B = DEPTH * LINE_B;
// Products of 16 x 16 of a subgroup.
const uint DOWN = TEAM_ROWS / 16;
const uint ACROSS = TEAM_COLUMNS / 16;
// Sums of so many products are added to C.
const uint CHUNK = 16384;

// Also what is on its way to C, 16 x 16 numbers of each subgroup: a few kilobytes more, and fewer workgroups run at a time.
shared uvec4 slice_a[PARTS * PART_A];
shared uvec4 slice_b[PARTS * PART_B];

vec4 coming_a[LOADS_A * 2];
vec4 coming_b[LOADS_B * 2];

uint row_0;
uint column_0;
uint a_row;
uint a_depth;
uint b_depth;
uint b_column;
uint64_t from_a;
uint64_t from_b;

void fetch_slice(uint depth) {
    [[unroll]] for (uint i = 0; i < LOADS_A; ++i) {
        const bool is_there = row_0 + a_row + i * STEP_A < push.rows;
        const uint64_t from = from_a + uint64_t(i * STEP_A) * (push.stride_a * 4ul);
        coming_a[i * 2] = fetch(from, is_there, depth + a_depth, push.depth);
        coming_a[i * 2 + 1] = fetch(from + 16, is_there, depth + a_depth + 4, push.depth);
    }
    [[unroll]] for (uint i = 0; i < LOADS_B; ++i) {
        const bool is_there = depth + b_depth + i * STEP_B < push.depth;
        const uint64_t from = from_b + uint64_t(i * STEP_B) * (push.stride_b * 4ul);
        coming_b[i * 2] = fetch(from, is_there, column_0 + b_column, push.columns);
        coming_b[i * 2 + 1] = fetch(from + 16, is_there, column_0 + b_column + 4, push.columns);
    }
    from_a += DEPTH * 4;
    from_b += uint64_t(DEPTH) * (push.stride_b * 4ul);
}

// The upper halves of two numbers, which are bfloat16 numbers, cut off.
uint upper(float x, float y) {
    return floatBitsToUint(x) >> 16 | floatBitsToUint(y) & 0xffff0000u;
}

vec4 lower(vec4 x) {
    return x - uintBitsToFloat(floatBitsToUint(x) & 0xffff0000u);
}

void split(vec4 x, vec4 y, out uvec4 parts[PARTS]) {
    vec4 x_left = x, y_left = y;
    [[unroll]] for (uint part = 0; part < PARTS; ++part) {
        parts[part] = uvec4(upper(x_left.x, x_left.y), upper(x_left.z, x_left.w), upper(y_left.x, y_left.y), upper(y_left.z, y_left.w));
        x_left = lower(x_left);
        y_left = lower(y_left);
    }
}

void keep_slice() {
    uvec4 parts[PARTS];
    [[unroll]] for (uint i = 0; i < LOADS_A; ++i) {
        split(coming_a[i * 2], coming_a[i * 2 + 1], parts);
        [[unroll]] for (uint part = 0; part < PARTS; ++part) {
            slice_a[part * PART_A + (a_row + i * STEP_A) * LINE_A + a_depth / 8] = parts[part];
        }
    }
    [[unroll]] for (uint i = 0; i < LOADS_B; ++i) {
        split(coming_b[i * 2], coming_b[i * 2 + 1], parts);
        [[unroll]] for (uint part = 0; part < PARTS; ++part) {
            slice_b[part * PART_B + (b_depth + i * STEP_B) * LINE_B + b_column / 8] = parts[part];
        }
    }
}

// The products of parts that count, the smallest first.
const uint PRODUCTS = 6;
const uint PART_OF_A[PRODUCTS] = { 2, 0, 1, 1, 0, 0 };
const uint PART_OF_B[PRODUCTS] = { 0, 2, 1, 0, 1, 0 };

#define OF_A coopmat<bfloat16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseA>
#define OF_B coopmat<bfloat16_t, gl_ScopeSubgroup, 16, 16, gl_MatrixUseB>
#define SUMS coopmat<float, gl_ScopeSubgroup, 16, 16, gl_MatrixUseAccumulator>

// All that has to do with the sums is in here, and no loop around them is left when it is compiled: else they are no registers.
void main() {
    if (!place(row_0, column_0)) {
        return;
    }
    const uint number = gl_LocalInvocationIndex;
    a_row = number / DEPTH_8;
    a_depth = number % DEPTH_8 * 8;
    b_depth = number / COLUMNS_8;
    b_column = number % COLUMNS_8 * 8;
    from_a = uint64_t(push.a) + (uint64_t(row_0 + a_row) * push.stride_a + a_depth) * 4ul;
    from_b = uint64_t(push.b) + (uint64_t(b_depth) * push.stride_b + column_0 + b_column) * 4ul;
    const uint team_row = gl_SubgroupID / TEAMS_ACROSS * TEAM_ROWS;
    const uint team_column = gl_SubgroupID % TEAMS_ACROSS * TEAM_COLUMNS;

    SUMS sums[DOWN * ACROSS];
    [[unroll]] for (uint i = 0; i < DOWN * ACROSS; ++i) {
        sums[i] = SUMS(0.0);
    }
    fetch_slice(0);
    keep_slice();
    barrier();
    float scale = push.beta;
    uint depth = 0;
    uint end = 0;
    do {
        end += min(CHUNK, push.depth - end);
        [[dont_unroll]] while (depth < end) {
            const bool has_more = depth + DEPTH < push.depth;
            if (has_more) {
                fetch_slice(depth + DEPTH);
            }
            [[unroll]] for (uint k = 0; k < DEPTH_8; k += 2) {
                OF_A a[PARTS * DOWN];
                [[unroll]] for (uint part = 0; part < PARTS; ++part) {
                    [[unroll]] for (uint i = 0; i < DOWN; ++i) {
                        const uint first = part * PART_A + (team_row + i * 16) * LINE_A + k;
                        coopMatLoad(a[part * DOWN + i], slice_a, first, LINE_A, gl_CooperativeMatrixLayoutRowMajor);
                    }
                }
                [[unroll]] for (uint j = 0; j < ACROSS; ++j) {
                    OF_B b[PARTS];
                    [[unroll]] for (uint part = 0; part < PARTS; ++part) {
                        const uint first = part * PART_B + k * 8 * LINE_B + (team_column + j * 16) / 8;
                        coopMatLoad(b[part], slice_b, first, LINE_B, gl_CooperativeMatrixLayoutRowMajor);
                    }
                    SUMS own[DOWN];
                    [[unroll]] for (uint i = 0; i < DOWN; ++i) {
                        own[i] = SUMS(0.0);
                    }
                    [[unroll]] for (uint p = 0; p < PRODUCTS; ++p) {
                        [[unroll]] for (uint i = 0; i < DOWN; ++i) {
                            own[i] = coopMatMulAdd(a[PART_OF_A[p] * DOWN + i], b[PART_OF_B[p]], own[i]);
                        }
                    }
                    [[unroll]] for (uint i = 0; i < DOWN; ++i) {
                        sums[i * ACROSS + j] = sums[i * ACROSS + j] + own[i];
                    }
                }
            }
            barrier();
            depth += DEPTH;
            if (depth < end) {
                keep_slice();
                barrier();
            }
        }
        // Through shared memory, 16 x 16 at a time, as only there it is known which number is where.
        const uint first = gl_SubgroupID * 64;
        [[unroll]] for (uint i = 0; i < DOWN; ++i) {
            [[unroll]] for (uint j = 0; j < ACROSS; ++j) {
                coopMatStore(sums[i * ACROSS + j], slice_a, first, 4, gl_CooperativeMatrixLayoutRowMajor);
                sums[i * ACROSS + j] = SUMS(0.0);
                subgroupBarrier();
                [[unroll]] for (uint turn = 0; turn < 64 / SUBGROUP; ++turn) {
                    const uint quad = turn * SUBGROUP + gl_SubgroupInvocationID;
                    const vec4 sum = push.alpha * uintBitsToFloat(slice_a[first + quad]);
                    put(row_0 + team_row + i * 16 + quad / 4, column_0 + team_column + j * 16 + quad % 4 * 4, sum, scale);
                }
                subgroupBarrier();
            }
        }
        scale = 1;
        if (depth < push.depth) {
            barrier();
            keep_slice();
            barrier();
        }
    } while (depth < push.depth);
}
