// The cubes of a list of cells, for the rasteriser: eight corners a cube, several instances a cell.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/raster.glsl"

layout(location = 0) flat out uint out_word;

void main() {
    const uint cube = uint(gl_InstanceIndex) << push.shift | uint(gl_VertexIndex) >> 3;
    const uint number = push.list.at[cube >> 8];
    const uint index = cube & 0xffu;
    const Cell cell = push.scene.cells.at[number];
    const uint slot = cell.first + index;
    out_word = word_of(number, index);
    // Most cells have fewer cubes than there is room for.
    if (slot >= push.scene.cells.at[number + 1].first) {
        gl_Position = NOWHERE;
        return;
    }
    const Corner corner = corner_of(unpack(cell, load_packed(push.scene, slot)), uint(gl_VertexIndex) & 7u);
    gl_Position = push.eye_to_clip * vec4(corner.offset, 1.0);
}
