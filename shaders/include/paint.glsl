// Draws cubes into the visibility buffer, pixel by pixel.
#include "lens.glsl"
#include "visibility.glsl"
#include "work.glsl"

// The Rust side is src/raster/compute/draw.rs. All of the 128 bytes: push constants are operands, other memory is not.
layout(push_constant, scalar) uniform Push {
    Lens lens;
    Scene scene;
    Visibility visibility;
    WorkList list;
    WorkList large;
} push;

// A cube relative to the eye.
struct Box {
    vec3 center;
    float half_edge;
    uint word;
};

void paint_pixel(Box box, uvec2 pixel) {
    const uint at = pixel.y * (push.lens.size & 0xffffu) + pixel.x;
    // What is there only grows: an old value costs a needless atomic at the worst.
    const uint there = VisibilityHalves(push.visibility).at[at].y;
    const vec3 ray = ray_of(push.lens, vec2(pixel));
    if (meets(ray, box.center, box.half_edge)) {
        const float distance = entry(ray, box.center, box.half_edge);
        const uint depth = floatBitsToUint(push.lens.near / distance);
        if (distance >= push.lens.near && depth >= there) {
            atomicMax(push.visibility.at[at], uint64_t(depth) << 32 | box.word);
        }
    }
}

// All lanes of a subgroup paint one box's pixels, of which there are at most a few thousand.
void paint_together(Box box, uvec2 low, uvec2 size) {
    const float by_width = 1.0 / float(size.x);
    for (uint i = gl_SubgroupInvocationID; i < size.x * size.y; i += gl_SubgroupSize) {
        const uint y = uint((float(i) + 0.5) * by_width);
        paint_pixel(box, low + uvec2(i - y * size.x, y));
    }
}
