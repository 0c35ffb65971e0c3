// Draws the cubes of a list of words: a lane takes a cube.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#extension GL_KHR_shader_subgroup_shuffle : require
#include "include/cells.glsl"
#include "include/paint.glsl"
#include "include/lod.glsl"

layout(local_size_x = 128) in;

void main() {
    const uint count = push.list.count;
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    // The same for all lanes of a subgroup.
    const uint first = gl_WorkGroupID.x * gl_WorkGroupSize.x + gl_SubgroupID * gl_SubgroupSize;
    for (uint base = first; base < count; base += width) {
        const uint i = base + gl_SubgroupInvocationID;
        const uint word = push.list.at[min(i, count - 1)];
        const Cell cell = push.scene.cells.at[word >> 8];
        const uvec4 packed = load_packed(push.scene, cell.first + (word & 0xffu));
        const float level = level_of(push.lens, push.scene, cell, word >> 8);
        bool is_there = i < count;
        if (level > 0.0) {
            // Others stand for it by now.
            const uint cubes = push.scene.cells.at[(word >> 8) + 1].first - cell.first;
            is_there = is_there && (word & 0xffu) < drawn_of(cubes, level);
        }
        const float half_edge = half_edge_of(cell, packed) * growth_of(level);
        paint_boxes(Box(position_of(cell, packed) - push.lens.eye, half_edge, word), is_there);
    }
}
