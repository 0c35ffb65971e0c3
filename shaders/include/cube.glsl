// The interface between cube.vert and its fragment shaders.
#include "cells.glsl"

layout(push_constant, scalar) uniform Push {
    Scene scene;
    List visible;
    // World space relative to the eye -> clip space: reversed Z, infinite far plane, y down.
    mat4 eye_to_clip;
    vec3 eye;
    // 1 / (the distance at which a cube has faded by 1 - 1/e).
    float haze;
    // Linear; far cubes fade into it, and it is what the target is cleared to.
    vec3 sky;
} push;

// The outward normal of face 0..5: +x -x +y -y +z -z.
vec3 face_normal(uint face) {
    vec3 normal = vec3(0.0);
    normal[face >> 1] = (face & 1u) == 0u ? 1.0 : -1.0;
    return normal;
}
