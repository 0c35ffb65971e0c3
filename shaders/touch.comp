// Lists the cells of some cubes, each cell once. A grid's width apart, so that a few workgroups serve any number.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"

layout(local_size_x = 64) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Touched {
    uint count;
    uint at[];
};

layout(push_constant, scalar) uniform Push {
    List ids;
    List cells_of;
    // 1 for a cell that is listed; refit.comp clears it.
    List marks;
    Touched touched;
    uint count;
} push;

void main() {
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.count; i += width) {
        const uint cell = push.cells_of.at[push.ids.at[i]];
        if (atomicExchange(push.marks.at[cell], 1) == 0) {
            push.touched.at[atomicAdd(push.touched.count, 1)] = cell;
        }
    }
}
