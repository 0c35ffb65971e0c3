// Makes the picture of a visibility buffer: each pixel's cube is shaded anew, so that nothing but its word was stored.
// Where neighbours show other cubes or faces, four rays a pixel are averaged. Cubes that own a pixel are listed
// for the next frame, which draws them first.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
#include "include/cells.glsl"
#include "include/lens.glsl"
#include "include/visibility.glsl"
#include "include/work.glsl"
#include "include/light.glsl"
#include "include/lod.glsl"

// A workgroup looks at as many pixels, one a lane, and resolves those that are not at its sides.
const uint WIDE = 16;
const uint SIDE = WIDE - 2;

layout(local_size_x = WIDE * WIDE) in;

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
    // What was listed last, by the hash of it; 0 with `kept`.
    List listed;
    uint antialias;
    // 0: the picture is there, and cubes are listed only.
    uint shades;
};

// An sRGB image, looked at without its transfer function.
layout(set = 0, binding = 0, rgba8) uniform restrict writeonly image2D target;

layout(push_constant, scalar) uniform Push {
    Picture picture;
} push;

// What the pixels and those around them show: the cube relative to the eye with its half edge, or 0 for none.
shared vec4 boxes[WIDE * WIDE];
// Its albedo as three halves, the face that the pixel's own ray enters through, whether it is small, and whether it stands
// for several.
shared uvec2 surfaces[WIDE * WIDE];
// What that ray sees, as three halves.
shared uvec2 colors[WIDE * WIDE];
shared uint words[WIDE * WIDE];
shared float depths[WIDE * WIDE];

// Places of the pixels that take more than one ray.
shared uint edges[SIDE * SIDE];
shared uint edge_count;
shared uint marked[SIDE * SIDE];
shared uint marked_count;
shared uint first_place;

// Cubes with edges of fewer pixels are seen as they are in the middle of a pixel, or not: others around it, which no pixel's
// middle shows, count as much as those that one does.
const float SMALL = 1.5;
const uint IS_SMALL = 1u << 31;
const uint STANDS_FOR_SEVERAL = 1u << 30;
// The depth of a pixel that was filled: in front of nothing.
const uint FILLED = 1;

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

uvec2 pack(vec3 v) {
    return uvec2(packHalf2x16(v.xy), packHalf2x16(vec2(v.z, 0.0)));
}

vec3 unpack(uvec2 v) {
    return vec3(unpackHalf2x16(v.x), unpackHalf2x16(v.y).x);
}

uint face_at(uint place) {
    return surfaces[place].y >> 16 & 7u;
}

bool is_small(uint place) {
    return (surfaces[place].y & IS_SMALL) != 0;
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

// Notes that a pixel shows a word.
void note(uint place, uint word, vec2 pixel) {
    Scene scene = push.picture.scene;
    const Cell cell = scene.cells.at[word >> 8];
    const Cube cube = unpack(cell, load_packed(scene, cell.first + (word & 0xffu)));
    const float growth = growth_of(level_of(push.picture.lens, scene, cell, word >> 8));
    const vec4 box = vec4(cube.position - push.picture.lens.eye, cube.half_edge * growth);
    const vec3 albedo = albedo(cube.color);
    const vec3 ray = ray_of(push.picture.lens, pixel);
    const uint face = face_of(ray, box);
    const float t = entry(ray, box.xyz, box.w);
    const bool small = 2.0 * box.w * length(push.picture.lens.down) < SMALL * t;
    boxes[place] = box;
    surfaces[place] = pack(albedo) | uvec2(0, face << 16 | (small ? IS_SMALL : 0) | (growth > 1.0 ? STANDS_FOR_SEVERAL : 0));
    colors[place] = pack(seen(albedo, face, ray, t));
    words[place] = word;
    depths[place] = t;
}

// Fills the shared arrays for one pixel.
void look(uint place, ivec2 pixel, uvec2 size) {
    // Beyond the picture it goes on as at its edge.
    const ivec2 inside = clamp(pixel, ivec2(0), ivec2(size) - 1);
    const uvec2 visible = push.picture.visibility.at[uint(inside.y) * size.x + uint(inside.x)];
    if (visible.y > FILLED) {
        note(place, visible.x, vec2(inside));
    } else {
        boxes[place] = vec4(0.0);
        surfaces[place] = uvec2(0);
        colors[place] = pack(push.picture.sky);
        words[place] = NO_ID;
        depths[place] = 0.0;
    }
}

const float FAR = 3.0e38;

// Whether the ray meets the box in front of `nearest`, which is where it enters then.
bool is_nearer(vec3 ray, vec4 box, inout float nearest) {
    if (!meets(ray, box.xyz, box.w)) {
        return false;
    }
    const float t = entry(ray, box.xyz, box.w);
    if (t < push.picture.lens.near || t >= nearest) {
        return false;
    }
    nearest = t;
    return true;
}

// The place of the pixel's neighbour 0 to 8, row after row; 4 is the pixel itself.
uint neighbour(uint place, uint k) {
    return place + (k / 3) * WIDE + k % 3 - WIDE - 1;
}

// Where the four rays of a pixel are: a rotated grid, so that lines near either axis get four steps.
const vec2 OFFSETS[4] = vec2[](vec2(-0.125, -0.375), vec2(0.375, -0.125), vec2(-0.375, 0.125), vec2(0.125, 0.375));
// The neighbour that each is nearest to.
const uint BESIDE[4] = uint[](1, 5, 3, 7);

// What a ray sees that meets none of the large cubes around: what shows in its pixel and beside it.
vec3 color_between(uint place, uint beside) {
    const vec3 own = unpack(colors[place]);
    if (is_small(place) || is_small(beside)) {
        return mix(own, unpack(colors[beside]), 0.5);
    }
    return words[place] == NO_ID ? own : unpack(colors[beside]);
}

// The mean of four rays against the cubes that the pixel and its neighbours show.
vec3 smooth_color(uint place, vec2 pixel, uint around[9]) {
    vec3 rays[4];
    float nearest[4];
    uint hits[4];
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        rays[i] = ray_of(push.picture.lens, pixel + OFFSETS[i]);
        nearest[i] = FAR;
        hits[i] = place;
    }
    [[unroll]] for (uint k = 0; k < 9; ++k) {
        // Each cube once.
        bool is_new = around[k] != NO_ID && !is_small(neighbour(place, k));
        [[unroll]] for (uint j = 0; j < k; ++j) {
            is_new = is_new && around[j] != around[k];
        }
        if (is_new) {
            const vec4 box = boxes[neighbour(place, k)];
            [[unroll]] for (uint i = 0; i < 4; ++i) {
                hits[i] = is_nearer(rays[i], box, nearest[i]) ? neighbour(place, k) : hits[i];
            }
        }
    }
    vec3 sum = vec3(0.0);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        if (nearest[i] < FAR) {
            sum += seen(unpack(surfaces[hits[i]]), face_of(rays[i], boxes[hits[i]]), rays[i], nearest[i]);
        } else {
            sum += color_between(place, neighbour(place, BESIDE[i]));
        }
    }
    return sum * 0.25;
}

// What the pixel's own ray sees, and its neighbours' to four sides.
vec3 soft_color(uint place) {
    vec3 sum = vec3(0.0);
    [[unroll]] for (uint i = 0; i < 4; ++i) {
        sum += color_between(place, neighbour(place, BESIDE[i]));
    }
    return sum * 0.25;
}

void store(uint place, vec3 color) {
    const uvec2 pixel = gl_WorkGroupID.xy * SIDE + uvec2(place % WIDE, place / WIDE) - 1;
    imageStore(target, ivec2(pixel), vec4(to_srgb(color), 1.0));
}

// Shades a pixel, or notes that it takes several rays.
void shade(uint place) {
    bool differs = false, is_edge = false;
    if (push.picture.antialias != 0) {
        [[unroll]] for (uint k = 0; k < 9; ++k) {
            const uint other = neighbour(place, k);
            differs = differs || words[other] != words[place] || face_at(other) != face_at(place);
            is_edge = is_edge || (words[other] != NO_ID && !is_small(other));
        }
    }
    if (differs && is_edge) {
        edges[atomicAdd(edge_count, 1)] = place;
    } else {
        store(place, differs ? soft_color(place) : unpack(colors[place]));
    }
}

// Shades those that do: all lanes have work, wherever the edges are.
void shade_edges() {
    for (uint i = gl_LocalInvocationIndex; i < edge_count; i += WIDE * WIDE) {
        const uint place = edges[i];
        uint around[9];
        [[unroll]] for (uint k = 0; k < 9; ++k) {
            around[k] = words[neighbour(place, k)];
        }
        const vec2 pixel = vec2(gl_WorkGroupID.xy * SIDE + uvec2(place % WIDE, place / WIDE)) - 1.0;
        store(place, smooth_color(place, pixel, around));
    }
}

// Parts that stand for all cover a surface but for a few pixels. One that shows nothing, with cubes on nearly all sides, is
// taken for such and gets what is farthest of them.
uint filling(uint place) {
    uint sides = 0, parts = 0, found = NO_ID;
    float farthest = 0.0;
    for (uint k = 0; k < 9; ++k) {
        const uint other = neighbour(place, k);
        sides += uint(words[other] != NO_ID);
        parts += uint((surfaces[other].y & STANDS_FOR_SEVERAL) != 0);
        if (depths[other] > farthest) {
            farthest = depths[other];
            found = words[other];
        }
    }
    return sides >= 5 && parts >= 1 ? found : NO_ID;
}

// Notes the cube that the pixel shows.
void mark(uint place, uvec2 pixel) {
    const uint own = words[place];
    const bool as_left = pixel.x > 0 && words[place - 1] == own;
    const bool as_above = pixel.y > 0 && words[place - WIDE] == own;
    // A neighbour that shows the same speaks for it, which may be another workgroup's.
    if (own == NO_ID || as_left || as_above) {
        return;
    }
    // A large cube has many such pixels, along its left. Which of them comes first does not matter, and a cube that others
    // with its hash push out is listed again.
    if (!is_small(place) && atomicExchange(push.picture.listed.at[own * 2654435761u >> (32 - LISTED_BITS)], own) == own) {
        return;
    }
    marked[atomicAdd(marked_count, 1)] = own;
}

void main() {
    const uint place = gl_LocalInvocationIndex;
    const uvec2 size = size_of(push.picture.lens);
    const uvec2 at = uvec2(place % WIDE, place / WIDE);
    const uvec2 pixel = gl_WorkGroupID.xy * SIDE + at - 1;
    const bool is_inner = all(greaterThan(at, uvec2(0))) && all(lessThan(at, uvec2(WIDE - 1)));
    const bool is_own = is_inner && all(lessThan(pixel, size));
    const bool marks = uint64_t(push.picture.kept) != 0ul;
    if (place == 0) {
        marked_count = 0;
        edge_count = 0;
    }
    look(place, ivec2(pixel), size);
    barrier();
    if (has_lod(push.picture.lens)) {
        const uint fills = is_own && words[place] == NO_ID ? filling(place) : NO_ID;
        barrier();
        if (fills != NO_ID) {
            note(place, fills, vec2(pixel));
            push.picture.visibility.at[pixel.y * size.x + pixel.x] = uvec2(fills, FILLED);
        }
        barrier();
    }
    if (is_own) {
        if (push.picture.shades != 0) {
            shade(place);
        }
        if (marks) {
            mark(place, pixel);
        }
    }
    barrier();
    shade_edges();
    if (marks && marked_count != 0) {
        if (place == 0) {
            first_place = reserve(push.picture.kept, marked_count, 1);
        }
        barrier();
        if (place < marked_count) {
            push.picture.kept.at[first_place + place] = marked[place];
        }
    }
}
