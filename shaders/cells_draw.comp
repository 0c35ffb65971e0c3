// Draws the cells of a list: a subgroup takes a cell, or a slice of it, a lane a cube at a time.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "include/cells.glsl"
#include "include/paint.glsl"
#include "include/lod.glsl"
#include "include/slices.glsl"

layout(local_size_x = 128) in;

void draw_cell(uint number, uint slice) {
    const Cell cell = push.scene.cells.at[number];
    const float level = level_of(push.lens, push.scene, cell, number);
    const float growth = growth_of(level);
    const uint count = drawn_of(push.scene.cells.at[number + 1].first - cell.first, level);
    const uint step = slices() * gl_SubgroupSize;
    const uint first = slice * gl_SubgroupSize;
    uint index = first + gl_SubgroupInvocationID;
    // Always one step ahead.
    uvec4 next = load_packed(push.scene, cell.first + min(index, count - 1));
    for (uint base = first; base < count; base += step) {
        const uvec4 packed = next;
        const bool is_there = index < count;
        const Box box = Box(position_of(cell, packed) - push.lens.eye, half_edge_of(cell, packed) * growth,
                            word_of(number, index));
        index += step;
        next = load_packed(push.scene, cell.first + min(index, count - 1));
        paint_boxes(box, is_there);
    }
}

void main() {
    const uint count = push.list.count * slices();
    const uint width = gl_NumWorkGroups.x * gl_NumSubgroups;
    for (uint i = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID; i < count; i += width) {
        draw_cell(push.list.at[i / slices()], i % slices());
    }
}
