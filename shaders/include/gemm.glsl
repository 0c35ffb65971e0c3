// What the kernels of src/compute/gemm/ share: C = alpha * A * B + beta * C, row-major, a tile of C a workgroup.
// A workgroup walks along the depth: while it multiplies one slice of its tiles of A and B, which lies in shared memory, the next
// slice is on its way into registers.
#extension GL_EXT_control_flow_attributes : require
#include "compute.glsl"

layout(local_size_x_id = 0) in;
layout(local_size_x = 256) in;
// The tile of C, and how deep a slice is.
layout(constant_id = 1) const uint ROWS = 128;
layout(constant_id = 2) const uint COLUMNS = 128;
layout(constant_id = 3) const uint DEPTH = 16;
// The part of the tile that belongs to a team: 32 invocations or so.
layout(constant_id = 4) const uint TEAM_ROWS = 32;
layout(constant_id = 5) const uint TEAM_COLUMNS = 64;
// Whether four numbers of a row are one access, in A, B and C: rows begin aligned, and their lengths are multiples of four.
layout(constant_id = 8) const bool WIDE = true;

layout(push_constant, scalar) uniform Push {
    Words a;
    Words b;
    Words c;
    uint rows;
    uint columns;
    uint depth;
    // Numbers from one row to the next.
    uint stride_a;
    uint stride_b;
    uint stride_c;
    float alpha;
    float beta;
} push;

// Tiles are taken in bands of so many rows of tiles, column by column: those that run at a time share what they read.
const uint BAND = 8;
const uint TEAMS_ACROSS = COLUMNS / TEAM_COLUMNS;

// The first row and column of this workgroup's tile; false if there are no more.
bool place(out uint row, out uint column) {
    const uint down = (push.rows + ROWS - 1) / ROWS;
    const uint across = (push.columns + COLUMNS - 1) / COLUMNS;
    const uint band = group_number() / (BAND * across);
    const uint within = group_number() - band * (BAND * across);
    const uint height = min(BAND, down - min(down, band * BAND));
    if (height == 0 || within >= height * across) {
        return false;
    }
    row = (band * BAND + within % height) * ROWS;
    column = within / height * COLUMNS;
    return true;
}

// Four numbers of a row from an address on, of which those before `end` are there, if the row is; zero for the others.
vec4 fetch(uint64_t from, bool is_there, uint first, uint end) {
    if (WIDE) {
        return is_there && first < end ? uintBitsToFloat(Quads(from).at[0]) : vec4(0);
    }
    vec4 numbers = vec4(0);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        if (is_there && first + i < end) {
            numbers[i] = uintBitsToFloat(Words(from).at[i]);
        }
    }
    return numbers;
}

// C = sum + scale * C for four numbers of a row, as far as they are there. What counts for nothing is not read.
void put(uint row, uint column, vec4 sum, float scale) {
    if (row >= push.rows || column >= push.columns) {
        return;
    }
    const uint64_t to = uint64_t(push.c) + (uint64_t(row) * push.stride_c + column) * 4ul;
    if (WIDE) {
        const vec4 before = scale != 0 ? scale * uintBitsToFloat(Quads(to).at[0]) : vec4(0);
        Quads(to).at[0] = floatBitsToUint(sum + before);
        return;
    }
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        if (column + i < push.columns) {
            const float before = scale != 0 ? scale * uintBitsToFloat(Words(to).at[i]) : 0;
            Words(to).at[i] = floatBitsToUint(sum[i] + before);
        }
    }
}
