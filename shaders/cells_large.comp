// Paints the tiles of large cubes: a workgroup takes a tile.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "include/cells.glsl"
#include "include/paint.glsl"
#include "include/lod.glsl"

layout(local_size_x = 128) in;

void main() {
    const uint count = min(push.large.count, push.large.capacity);
    for (uint i = gl_WorkGroupID.x; i < count; i += gl_NumWorkGroups.x) {
        const uint word = push.large.at[3 * i];
        const uint low = push.large.at[3 * i + 1];
        const uint size = push.large.at[3 * i + 2];
        const Cell cell = push.scene.cells.at[word >> 8];
        const Cube cube = unpack(cell, load_packed(push.scene, cell.first + (word & 0xffu)));
        const float growth = growth_of(level_of(push.lens, push.scene, cell, word >> 8));
        const Box box = Box(cube.position - push.lens.eye, cube.half_edge * growth, word);
        const uint width = size & 0xffffu;
        const uint pixels = width * (size >> 16);
        for (uint k = gl_LocalInvocationIndex; k < pixels; k += gl_WorkGroupSize.x) {
            paint_pixel(box, uvec2((low & 0xffffu) + k % width, (low >> 16) + k / width));
        }
    }
}
