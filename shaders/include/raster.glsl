// What the shaders of the hardware path share: cubes of which the rasteriser gets the three faces towards the eye.
// The Rust side is src/raster/hardware/.
#include "cells.glsl"

layout(push_constant, scalar) uniform Push {
    Scene scene;
    // Of cells, or of words.
    List list;
    // How many entries are wanted, and how many have room.
    List count;
    // World space relative to the eye -> clip space: reversed Z, infinite far plane, y down.
    mat4 eye_to_clip;
    vec3 eye;
    // 1 / (the distance at which a cube has faded by 1 - 1/e).
    float haze;
    // Linear; far cubes fade into it.
    vec3 sky;
    // An instance of the draw is two to this power cubes.
    uint shift;
} push;

// A place in front of the near plane: triangles there are dropped.
const vec4 NOWHERE = vec4(0.0, 0.0, 2.0, 1.0);

// A corner of a cube.
struct Corner {
    // Relative to the eye.
    vec3 offset;
    // Of the face whose provoking vertex this is: +x -x +y -y +z -z.
    uint face;
};

// Corner `bits` of a cube: each bit is an axis, set on the side towards the eye. Three faces meet in corner 7; no other is
// ever seen. Two axes change places where the cube is mirrored, so that triangles always turn the same way: the faces
// that the eye is behind can be left out by that.
Corner corner_of(Cube cube, uint bits) {
    // Relative to the eye first: large coordinates cancel before the matrix can round them.
    const vec3 center = cube.position - push.eye;
    const vec3 side = mix(vec3(1.0), vec3(-1.0), greaterThan(center, vec3(0.0)));
    const bool mirrored = side.x * side.y * side.z < 0.0;
    const uvec3 bit_of_axis = mirrored ? uvec3(1, 0, 2) : uvec3(0, 1, 2);
    const vec3 towards = vec3((uvec3(bits) >> bit_of_axis) & 1u) * 2.0 - 1.0;
    // Corners 1, 2 and 4 provoke the faces of their axes.
    const uint axis = mirrored ? bits == 1 ? 1 : bits == 2 ? 0 : 2 : bits >> 1;
    const uint face = min(axis, 2u) * 2u + uint(side[min(axis, 2u)] < 0.0);
    return Corner(center + side * towards * cube.half_edge, face);
}
