// Packs the cubes of each cell again, in the slots where they are: reads their places in the caller's order, finds the
// cell's box and steps, and writes cell and cubes. A workgroup a cell, one after the other.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/instances.glsl"
#include "include/pack.glsl"

const uint LANES = 64;
// Cubes of a lane: a cell has 256 at the most.
const uint EACH = 4;

layout(local_size_x = LANES) in;

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer CellsToWrite {
    Cell at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer CubesToWrite {
    uvec4 at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 8) writeonly buffer ExtentsToWrite {
    uvec2 at[];
};

// Cells that have to be packed, and a mark for each cell that is among them.
layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Touched {
    uint count;
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    Scene scene;
    Instances places;
    // 0: all cells.
    Touched touched;
    List marks;
} push;

// As numbers that are ordered as the floats are.
shared uint low[3], high[3], largest;
shared Cell packed_cell;

uint ordered(float x) {
    const uint bits = floatBitsToUint(x);
    return bits ^ (bits >> 31 == 1u ? 0xffffffffu : 0x80000000u);
}

float unordered(uint x) {
    return uintBitsToFloat(x ^ (x >> 31 == 1u ? 0x80000000u : 0xffffffffu));
}

void repack(uint number) {
    const uint lane = gl_LocalInvocationIndex;
    CellsToWrite cells = CellsToWrite(uint64_t(push.scene.cells));
    const Cell before = cells.at[number];
    const uint end = cells.at[number + 1].first;
    if (lane < 3) {
        low[lane] = 0xffffffffu;
        high[lane] = 0;
    }
    if (lane == 3) {
        largest = 0;
    }
    barrier();

    Instance cubes[EACH];
    uint ids[EACH];
    const uint shift = push.scene.chunk_shift;
    for (uint k = 0; k < EACH; ++k) {
        const uint slot = before.first + k * LANES + lane;
        if (slot >= end) {
            break;
        }
        CubesToWrite chunk = CubesToWrite(uint64_t(push.scene.chunks[slot >> shift]));
        const uvec4 old = chunk.at[slot & ((1u << shift) - 1u)];
        Instance cube = push.places.at[old.w];
        if (!is_good(cube)) {
            // It stays what it was.
            cube = Instance(position_of(before, old), half_edge_of(before, old), old.z);
        }
        cubes[k] = cube;
        ids[k] = old.w;
        for (uint axis = 0; axis < 3; ++axis) {
            const uint place = ordered(tamed(cube.position[axis]));
            atomicMin(low[axis], place);
            atomicMax(high[axis], place);
        }
        atomicMax(largest, floatBitsToUint(cube.half_edge));
    }
    barrier();

    if (lane < 3) {
        lattice(unordered(low[lane]), unordered(high[lane]), packed_cell.min[lane], packed_cell.step[lane]);
    }
    if (lane == 3) {
        packed_cell.half_edge = uintBitsToFloat(largest);
    }
    barrier();

    const Cell cell = packed_cell;
    for (uint k = 0; k < EACH; ++k) {
        const uint slot = before.first + k * LANES + lane;
        if (slot >= end) {
            break;
        }
        const Instance cube = cubes[k];
        const uint x = steps_to(cube.position.x, cell.min.x, cell.step.x);
        const uint y = steps_to(cube.position.y, cell.min.y, cell.step.y);
        const uint z = steps_to(cube.position.z, cell.min.z, cell.step.z);
        CubesToWrite chunk = CubesToWrite(uint64_t(push.scene.chunks[slot >> shift]));
        chunk.at[slot & ((1u << shift) - 1u)] =
            uvec4(x | y << 16, z | half_edge_steps(cube.half_edge, cell.half_edge) << 16, cube.color, ids[k]);
    }
    if (lane == 0) {
        // `first` stays, and the neighbour may be reading it.
        cells.at[number].min = cell.min;
        cells.at[number].step = cell.step;
        cells.at[number].half_edge = cell.half_edge;
        const uint x = steps_to(unordered(high[0]), cell.min.x, cell.step.x);
        const uint y = steps_to(unordered(high[1]), cell.min.y, cell.step.y);
        const uint z = steps_to(unordered(high[2]), cell.min.z, cell.step.z);
        ExtentsToWrite(uint64_t(push.scene.extents)).at[number] = uvec2(x | y << 16, z);
    }
    // Before the shared numbers are another cell's.
    barrier();
}

void main() {
    if (uint64_t(push.touched) == 0ul) {
        for (uint number = gl_WorkGroupID.x; number < push.scene.cell_count; number += gl_NumWorkGroups.x) {
            repack(number);
        }
        return;
    }
    const uint count = push.touched.count;
    for (uint i = gl_WorkGroupID.x; i < count; i += gl_NumWorkGroups.x) {
        const uint number = push.touched.at[i];
        repack(number);
        if (gl_LocalInvocationIndex == 0) {
            push.marks.at[number] = 0;
        }
    }
}
