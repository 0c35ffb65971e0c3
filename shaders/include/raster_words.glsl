// The cubes of a list of words, for the rasteriser: eight corners a cube. With LIT also what it takes to shade them.
#include "raster.glsl"

layout(location = 0) flat out uint out_word;
#ifdef LIT
layout(location = 1) flat out uint out_color;
layout(location = 2) flat out uint out_face;
// Relative to the eye.
layout(location = 3) out vec3 out_offset;
#endif

void main() {
    const uint i = uint(gl_InstanceIndex) << push.shift | uint(gl_VertexIndex) >> 3;
    out_word = 0;
#ifdef LIT
    out_color = 0;
    out_face = 0;
    out_offset = vec3(0.0);
#endif
    // The last instance need not be full.
    if (i >= entries_of(push.count)) {
        gl_Position = NOWHERE;
        return;
    }
    out_word = push.list.at[i];
    const Cube cube = load_word(push.scene, out_word);
    const Corner corner = corner_of(cube, uint(gl_VertexIndex) & 7u);
    gl_Position = push.eye_to_clip * vec4(corner.offset, 1.0);
#ifdef LIT
    out_color = cube.color;
    out_face = corner.face;
    out_offset = corner.offset;
#endif
}
