// Makes the picture of a visibility buffer: each pixel's cube is shaded anew, so that nothing but its word was stored.
// Where neighbours show other cubes or faces, four rays a pixel are averaged. Cells that own a pixel are listed for the
// next frame, which draws them first.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"
#include "include/lens.glsl"
#include "include/visibility.glsl"
#include "include/work.glsl"
#include "include/pyramid.glsl"
#include "include/light.glsl"

// A workgroup resolves as many pixels, one a lane, and looks at one more to each side.
const uint SIDE = 16;
const uint WIDE = SIDE + 2;

layout(local_size_x = SIDE * SIDE) in;

layout(buffer_reference, scalar, buffer_reference_align = 8) restrict buffer Picture {
    Lens lens;
    // Linear.
    vec3 sky;
    // 1 / (the distance at which a cube has faded by 1 - 1/e).
    float haze;
    Scene scene;
    VisibilityHalves visibility;
    // 0: nothing is listed.
    WorkList kept;
    Pyramid pyramid;
    List stamps;
    uint antialias;
};

// An sRGB image, looked at without its transfer function.
layout(set = 0, binding = 0, rgba8) uniform restrict writeonly image2D target;

layout(push_constant, scalar) uniform Push {
    Picture picture;
} push;

// What the pixels and those around them show: the cube relative to the eye with its half edge, or 0 for none.
shared vec4 boxes[WIDE * WIDE];
// Albedo as three halves, and the face that the pixel's own ray enters through.
shared uvec2 surfaces[WIDE * WIDE];
shared uint words[WIDE * WIDE];

shared uint marked[SIDE * SIDE];
shared uint marked_count;
shared uint first_place;

// Which of the faces +x -x +y -y +z -z the ray enters through.
uint face_of(vec3 ray, vec4 box) {
    const vec3 t = entries(ray, box.xyz, box.w);
    const uint axis = t.x >= t.y ? (t.x >= t.z ? 0 : 2) : (t.y >= t.z ? 1 : 2);
    return axis * 2 + uint(ray[axis] > 0.0);
}

vec3 normal_of(uint face) {
    vec3 normal = vec3(0.0);
    normal[face >> 1] = (face & 1u) == 0u ? 1.0 : -1.0;
    return normal;
}

vec3 albedo_of(uvec2 surface) {
    return vec3(unpackHalf2x16(surface.x), unpackHalf2x16(surface.y).x);
}

// What a ray sees of a surface at the parameter `t`.
vec3 seen(vec3 albedo, uint face, vec3 ray, float t) {
    const float far = length(ray) * t * push.picture.haze;
    return mix(push.picture.sky, lit(albedo, normal_of(face)), exp(-far * far));
}

vec3 to_srgb(vec3 c) {
    c = clamp(c, 0.0, 1.0);
    return mix(1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, c * 12.92, lessThanEqual(c, vec3(0.0031308)));
}

// Fills the shared arrays for one pixel.
void look(uint place, ivec2 pixel, uvec2 size) {
    vec4 box = vec4(0.0);
    uvec2 surface = uvec2(0);
    uint word = NO_ID;
    // Beyond the picture it goes on as at its edge.
    const ivec2 inside = clamp(pixel, ivec2(0), ivec2(size) - 1);
    const uvec2 visible = push.picture.visibility.at[uint(inside.y) * size.x + uint(inside.x)];
    if (visible.y != 0) {
        word = visible.x;
        const Cube cube = load_word(push.picture.scene, word);
        box = vec4(cube.position - push.picture.lens.eye, cube.half_edge);
        const vec3 albedo = albedo(cube.color);
        const uint face = face_of(ray_of(push.picture.lens, vec2(inside)), box);
        surface = uvec2(packHalf2x16(albedo.xy), packHalf2x16(vec2(albedo.z, 0.0)) | face << 16);
    }
    boxes[place] = box;
    surfaces[place] = surface;
    words[place] = word;
}

// Whether the ray meets the neighbour's cube in front of `nearest`, which it is then.
bool is_nearer(vec3 ray, vec4 box, inout float nearest) {
    if (box.w == 0.0 || !meets(ray, box.xyz, box.w)) {
        return false;
    }
    const float t = entry(ray, box.xyz, box.w);
    if (t < push.picture.lens.near || t >= nearest) {
        return false;
    }
    nearest = t;
    return true;
}

const float FAR = 3.0e38;

// The mean of four rays against the cubes that the pixel and its neighbours show.
vec3 smooth_color(uint place, vec2 pixel) {
    vec3 sum = vec3(0.0);
    for (uint i = 0; i < 4; ++i) {
        // A rotated grid: lines near either axis get four steps.
        const vec2 off = vec2(i & 1u, i >> 1) * 0.5 - 0.25 + vec2(-0.125, 0.125) * (vec2(i >> 1, i & 1u) * 2.0 - 1.0);
        const vec3 ray = ray_of(push.picture.lens, pixel + off);
        float nearest = FAR;
        uint hit = place;
        for (uint k = 0; k < 9; ++k) {
            const uint neighbour = place + (k / 3) * WIDE + k % 3 - WIDE - 1;
            if (is_nearer(ray, boxes[neighbour], nearest)) {
                hit = neighbour;
            }
        }
        if (nearest == FAR) {
            sum += push.picture.sky;
        } else {
            sum += seen(albedo_of(surfaces[hit]), face_of(ray, boxes[hit]), ray, nearest);
        }
    }
    return sum * 0.25;
}

bool is_edge(uint place) {
    bool differs = false;
    for (uint k = 0; k < 9; ++k) {
        const uint neighbour = place + (k / 3) * WIDE + k % 3 - WIDE - 1;
        differs = differs || words[neighbour] != words[place] || surfaces[neighbour].y >> 16 != surfaces[place].y >> 16;
    }
    return differs;
}

vec3 color_of(uint place, vec2 pixel) {
    if (push.picture.antialias != 0 && is_edge(place)) {
        return smooth_color(place, pixel);
    }
    if (words[place] == NO_ID) {
        return push.picture.sky;
    }
    const vec3 ray = ray_of(push.picture.lens, pixel);
    const float t = entry(ray, boxes[place].xyz, boxes[place].w);
    return seen(albedo_of(surfaces[place]), surfaces[place].y >> 16, ray, t);
}

// Stamps the pixel's cell, if none did yet in this frame, and notes it.
void mark(uint place, uvec2 pixel) {
    const uint cell = words[place] >> 8;
    const bool as_left = pixel.x > 0 && words[place - 1] >> 8 == cell;
    const bool as_above = pixel.y > 0 && words[place - WIDE] >> 8 == cell;
    // A neighbour of the same cell speaks for it, which may be another workgroup's.
    if (words[place] == NO_ID || as_left || as_above) {
        return;
    }
    const uint frame = push.picture.pyramid.frame;
    if (push.picture.stamps.at[cell] != frame && atomicExchange(push.picture.stamps.at[cell], frame) != frame) {
        marked[atomicAdd(marked_count, 1)] = cell;
    }
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    const uvec2 size = size_of(push.picture.lens);
    const ivec2 corner = ivec2(gl_WorkGroupID.xy * SIDE);
    const bool marks = uint64_t(push.picture.kept) != 0ul;
    if (lane == 0) {
        marked_count = 0;
    }
    for (uint i = lane; i < WIDE * WIDE; i += SIDE * SIDE) {
        look(i, corner + ivec2(i % WIDE, i / WIDE) - 1, size);
    }
    barrier();
    const uvec2 at = uvec2(lane % SIDE, lane / SIDE);
    const uvec2 pixel = uvec2(corner) + at;
    const uint place = (at.y + 1) * WIDE + at.x + 1;
    if (all(lessThan(pixel, size))) {
        const vec3 color = color_of(place, vec2(pixel));
        imageStore(target, ivec2(pixel), vec4(to_srgb(color), 1.0));
        if (marks) {
            mark(place, pixel);
        }
    }
    barrier();
    if (marks && marked_count != 0) {
        if (lane == 0) {
            first_place = reserve(push.picture.kept, marked_count, 1);
        }
        barrier();
        if (lane < marked_count) {
            push.picture.kept.at[first_place + lane] = marked[lane];
        }
    }
}
