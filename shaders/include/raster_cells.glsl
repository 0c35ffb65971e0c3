// The cubes of a list of cells, for the rasteriser: eight corners a cube, several instances a cell. With LIT also what it
// takes to shade them.
#include "raster.glsl"

layout(location = 0) flat out uint out_word;
#ifdef LIT
layout(location = 1) flat out uint out_color;
layout(location = 2) flat out uint out_face;
// Relative to the eye.
layout(location = 3) out vec3 out_offset;
#endif

void main() {
    const uint cube = uint(gl_InstanceIndex) << push.shift | uint(gl_VertexIndex) >> 3;
    const uint number = push.list.at[cube >> 8];
    const uint index = cube & 0xffu;
    const Cell cell = push.scene.cells.at[number];
    const uint slot = cell.first + index;
    out_word = word_of(number, index);
#ifdef LIT
    out_color = 0;
    out_face = 0;
    out_offset = vec3(0.0);
#endif
    // Most cells have fewer cubes than there is room for.
    if (slot >= push.scene.cells.at[number + 1].first) {
        gl_Position = NOWHERE;
        return;
    }
    const uvec4 packed = load_packed(push.scene, slot);
    const Corner corner = corner_of(unpack(cell, packed), uint(gl_VertexIndex) & 7u);
    gl_Position = push.eye_to_clip * vec4(corner.offset, 1.0);
#ifdef LIT
    out_color = packed.z;
    out_face = corner.face;
    out_offset = corner.offset;
#endif
}
