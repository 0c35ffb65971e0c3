// A step of bodies that attract one another, each every other one, and the cubes that show them. The nbody example's.
//
// A workgroup goes over all bodies tile by tile, through shared memory, so that each is fetched once a workgroup (Nyland,
// Harris, Prins: "Fast N-Body Simulation with CUDA", GPU Gems 3, chapter 31). Speeds change first and places after them
// (symplectic Euler), which keeps orbits closed.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_GOOGLE_include_directive : require
#include "include/instances.glsl"

layout(local_size_x = 256) in;

struct Body {
    vec4 place; // and mass
    vec4 speed; // and the cube's colour, as bits
};

layout(buffer_reference, scalar, buffer_reference_align = 16) restrict readonly buffer Before {
    Body at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 16) restrict writeonly buffer After {
    Body at[];
};

layout(push_constant, scalar) uniform Push {
    Before before;
    After after;
    Instances cubes;
    uint count;
    float time;
    // Squared: keeps near misses finite.
    float softening;
    float half_edge;
} push;

shared vec4 tile[gl_WorkGroupSize.x];

vec3 pull(vec3 place, vec4 other) {
    const vec3 away = other.xyz - place;
    const float near = inversesqrt(dot(away, away) + push.softening);
    return other.w * near * near * near * away;
}

void main() {
    const uint own = gl_GlobalInvocationID.x;
    Body body = push.before.at[min(own, push.count - 1)];
    vec3 pulled = vec3(0.0);
    for (uint first = 0; first < push.count; first += gl_WorkGroupSize.x) {
        const uint at = first + gl_LocalInvocationIndex;
        // Past the last there is a body without mass.
        tile[gl_LocalInvocationIndex] = at < push.count ? push.before.at[at].place : vec4(0.0);
        barrier();
        for (uint i = 0; i < gl_WorkGroupSize.x; ++i) {
            pulled += pull(body.place.xyz, tile[i]);
        }
        barrier();
    }
    body.speed.xyz += push.time * pulled;
    body.place.xyz += push.time * body.speed.xyz;
    if (own < push.count) {
        push.after.at[own] = body;
        // Heavy bodies are large.
        const float size = push.half_edge * (1.0 + 3.0 * step(0.1, body.place.w));
        push.cubes.at[own] = Instance(body.place.xyz, size, floatBitsToUint(body.speed.w));
    }
}
