// C = alpha * A * B + beta * C in f32.
// An invocation has OWN_ROWS x OWN_COLUMNS sums, in groups of four by four: so a team reads rows of 16 bytes from shared
// memory, most of them the same for many of its invocations.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/gemm.glsl"

layout(constant_id = 6) const uint OWN_ROWS = 8;
layout(constant_id = 7) const uint OWN_COLUMNS = 8;

const uint TEAM_DOWN = TEAM_ROWS / OWN_ROWS;
const uint TEAM_ACROSS = TEAM_COLUMNS / OWN_COLUMNS;
const uint TEAM = TEAM_DOWN * TEAM_ACROSS;
const uint INVOCATIONS = ROWS / TEAM_ROWS * TEAMS_ACROSS * TEAM;
// Groups of four.
const uint DEPTH_4 = DEPTH / 4;
const uint COLUMNS_4 = COLUMNS / 4;
const uint OWN_ROWS_4 = OWN_ROWS / 4;
const uint OWN_COLUMNS_4 = OWN_COLUMNS / 4;
// A lies in shared memory by columns, which are one group longer than the tile: what writes one group of its rows meets fewer banks twice.
const uint LINE_A = ROWS / 4 + 1;
// What an invocation brings of a slice, and how far apart that is.
const uint LOADS_A = ROWS * DEPTH_4 / INVOCATIONS;
const uint LOADS_B = DEPTH * COLUMNS_4 / INVOCATIONS;
const uint STEP_A = INVOCATIONS / DEPTH_4;
const uint STEP_B = INVOCATIONS / COLUMNS_4;
// Sums of so many products are added to C: errors grow with the length of a sum.
const uint CHUNK = 2048;

shared vec4 slice_a[DEPTH * LINE_A];
shared vec4 slice_b[DEPTH * COLUMNS_4];

vec4 coming_a[LOADS_A];
vec4 coming_b[LOADS_B];
vec4 sums[OWN_ROWS * OWN_COLUMNS_4];

// The tile.
uint row_0;
uint column_0;
// What this invocation brings first.
uint a_row;
uint a_depth;
uint b_depth;
uint b_column;
uint64_t from_a;
uint64_t from_b;
// Where its sums begin, in the tile.
uint own_row;
uint own_column;

void fetch_slice(uint depth) {
    [[unroll]] for (uint i = 0; i < LOADS_A; ++i) {
        const bool is_there = row_0 + a_row + i * STEP_A < push.rows;
        const uint64_t from = from_a + uint64_t(i * STEP_A) * (push.stride_a * 4ul);
        coming_a[i] = fetch(from, is_there, depth + a_depth, push.depth);
    }
    [[unroll]] for (uint i = 0; i < LOADS_B; ++i) {
        const bool is_there = depth + b_depth + i * STEP_B < push.depth;
        const uint64_t from = from_b + uint64_t(i * STEP_B) * (push.stride_b * 4ul);
        coming_b[i] = fetch(from, is_there, column_0 + b_column, push.columns);
    }
    from_a += DEPTH * 4;
    from_b += uint64_t(DEPTH) * (push.stride_b * 4ul);
}

void keep_slice() {
    [[unroll]] for (uint i = 0; i < LOADS_A; ++i) {
        const uint row = a_row + i * STEP_A;
        [[unroll]] for (uint e = 0; e < 4; ++e) {
            slice_a[(a_depth + e) * LINE_A + row / 4][row & 3] = coming_a[i][e];
        }
    }
    [[unroll]] for (uint i = 0; i < LOADS_B; ++i) {
        slice_b[(b_depth + i * STEP_B) * COLUMNS_4 + b_column / 4] = coming_b[i];
    }
}

void multiply_slice() {
    [[unroll]] for (uint k = 0; k < DEPTH; ++k) {
        vec4 a[OWN_ROWS_4];
        vec4 b[OWN_COLUMNS_4];
        [[unroll]] for (uint i = 0; i < OWN_ROWS_4; ++i) {
            a[i] = slice_a[k * LINE_A + own_row / 4 + i * TEAM_DOWN];
        }
        [[unroll]] for (uint j = 0; j < OWN_COLUMNS_4; ++j) {
            b[j] = slice_b[k * COLUMNS_4 + own_column / 4 + j * TEAM_ACROSS];
        }
        [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
            [[unroll]] for (uint j = 0; j < OWN_COLUMNS_4; ++j) {
                sums[i * OWN_COLUMNS_4 + j] += a[i / 4][i & 3] * b[j];
            }
        }
    }
}

// Adds the sums to C, and begins them again.
void put_sums(float scale) {
    [[unroll]] for (uint i = 0; i < OWN_ROWS; ++i) {
        const uint row = row_0 + own_row + i / 4 * (TEAM_DOWN * 4) + (i & 3);
        [[unroll]] for (uint j = 0; j < OWN_COLUMNS_4; ++j) {
            const uint column = column_0 + own_column + j * (TEAM_ACROSS * 4);
            put(row, column, push.alpha * sums[i * OWN_COLUMNS_4 + j], scale);
            sums[i * OWN_COLUMNS_4 + j] = vec4(0);
        }
    }
}

void main() {
    if (!place(row_0, column_0)) {
        return;
    }
    const uint number = gl_LocalInvocationIndex;
    a_row = number / DEPTH_4;
    a_depth = number % DEPTH_4 * 4;
    b_depth = number / COLUMNS_4;
    b_column = number % COLUMNS_4 * 4;
    from_a = uint64_t(push.a) + (uint64_t(row_0 + a_row) * push.stride_a + a_depth) * 4ul;
    from_b = uint64_t(push.b) + (uint64_t(b_depth) * push.stride_b + column_0 + b_column) * 4ul;

    // Neighbours share a column, every second pair a row: reads of 16 bytes meet no bank twice, and are merged.
    const uint team = number / TEAM;
    const uint lane = number % TEAM;
    own_row = team / TEAMS_ACROSS * TEAM_ROWS + (lane / (2 * TEAM_ACROSS) * 2 + (lane & 1)) * 4;
    own_column = team % TEAMS_ACROSS * TEAM_COLUMNS + lane / 2 % TEAM_ACROSS * 4;
    [[unroll]] for (uint i = 0; i < OWN_ROWS * OWN_COLUMNS_4; ++i) {
        sums[i] = vec4(0);
    }

    fetch_slice(0);
    keep_slice();
    barrier();
    float scale = push.beta;
    uint depth = 0;
    uint end = 0;
    do {
        end += min(CHUNK, push.depth - end);
        [[dont_unroll]] for (; depth < end; depth += DEPTH) {
            const bool has_more = depth + DEPTH < push.depth;
            if (has_more) {
                fetch_slice(depth + DEPTH);
            }
            multiply_slice();
            barrier();
            if (has_more) {
                keep_slice();
            }
            barrier();
        }
        put_sums(scale);
        scale = 1;
    } while (depth < push.depth);
}
