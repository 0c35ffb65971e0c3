// Paints the tiles of large cubes: a subgroup takes a few.
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
    const uint count = min(push.large.count, push.large.capacity);
    const uint width = gl_NumWorkGroups.x * gl_NumSubgroups;
    for (uint i = gl_WorkGroupID.x * gl_NumSubgroups + gl_SubgroupID; i < count; i += width) {
        const uint word = push.large.at[4 * i];
        const uint low = push.large.at[4 * i + 1];
        const uint size = push.large.at[4 * i + 2];
        const Cell cell = push.scene.cells.at[word >> 8];
        const Cube cube = unpack(cell, load_packed(push.scene, cell.first + (word & 0xffu)));
        const float growth = growth_of(level_of(push.lens, push.scene, cell, word >> 8));
        const Box box = Box(cube.position - push.lens.eye, cube.half_edge * growth, word);
        float nearest;
        const Rect rect = rect_of(box, nearest);
        if (size != 0) {
            paint_tiles(box, bound_of(nearest), ivec2(low & 0xffffu, low >> 16), ivec2(size & 0xffffu, size >> 16),
                        push.large.at[4 * i + 3], RUN);
        }
    }
}
