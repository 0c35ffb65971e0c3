// A camera for a picture of a certain size: rays of pixels and pixels of points, all relative to the eye.
// The Rust side is src/raster/view/lens.rs.

struct Lens {
    vec3 eye;
    float near;
    vec3 forward;
    // Width and height in pixels, 16 bits each, of which the highest says whether there are levels of detail.
    uint size;
    // dot(point, across) / dot(point, forward) counts pixels to the right of the picture's middle, `down` below it.
    vec3 across;
    // What projecting may err by, in pixels, and more.
    float margin;
    vec3 down;
    // The ray through the middle of pixel (0, 0). Its part along `forward` is 1.
    vec3 ray;
    // How it changes from pixel to pixel, as parts of `across` and `down`.
    vec2 steps;
};

uvec2 size_of(Lens lens) {
    return uvec2(lens.size & 0xffffu, lens.size >> 16 & 0x7fffu);
}

vec3 ray_of(Lens lens, vec2 pixel) {
    return lens.ray + pixel.x * (lens.steps.x * lens.across) + pixel.y * (lens.steps.y * lens.down);
}

float sum_of_abs(vec3 v) {
    return abs(v.x) + abs(v.y) + abs(v.z);
}

// Whether the line through the eye along `ray` meets the box around `center`: no axis across the ray separates them.
bool meets(vec3 ray, vec3 center, float half_edge) {
    const vec3 off = abs(cross(ray, center));
    const vec3 r = abs(ray);
    const vec3 reach = half_edge * (r.yzx + r.zxy);
    return off.x <= reach.x && off.y <= reach.y && off.z <= reach.z;
}

// Whether a ray through some pixels may meet the box: `meets` for a rectangle of pixels at once, rounded outwards.
bool may_meet(Lens lens, ivec2 low, ivec2 size, vec3 center, float half_edge) {
    const vec2 wide = vec2(size) * 0.5;
    const vec3 ray = ray_of(lens, vec2(low) + wide - 0.5);
    const vec3 to_side = wide.x * lens.steps.x * lens.across, to_end = wide.y * lens.steps.y * lens.down;
    const vec3 off = abs(cross(ray, center)) - abs(cross(to_side, center)) - abs(cross(to_end, center));
    const vec3 r = abs(ray) + abs(to_side) + abs(to_end);
    const vec3 reach = half_edge * (r.yzx + r.zxy) + 1e-5 * sum_of_abs(center) * sum_of_abs(r);
    return all(lessThanEqual(off, reach));
}

// Where the ray goes through each of the three faces that look at the eye; it enters the box through the last.
vec3 entries(vec3 ray, vec3 center, float half_edge) {
    return (sign(ray) * center - half_edge) / abs(ray);
}

float entry(vec3 ray, vec3 center, float half_edge) {
    const vec3 t = entries(ray, center, half_edge);
    return max(t.x, max(t.y, t.z));
}

// Pixels from `low` to `high`, both included; none if `high` is less.
struct Rect {
    ivec2 low;
    ivec2 high;
};

bool is_empty(Rect rect) {
    return rect.high.x < rect.low.x || rect.high.y < rect.low.y;
}

// The pixels whose middles lie between two points, which count from the picture's middle.
Rect rect_between(Lens lens, vec2 low, vec2 high) {
    const vec2 size = vec2(size_of(lens));
    const vec2 middle = size * 0.5 - 0.5;
    // Clamped as floats: what is far outside is beyond all integers.
    const vec2 first = clamp(ceil(low + middle - lens.margin), vec2(0.0), size);
    const vec2 last = clamp(floor(high + middle + lens.margin), vec2(-1.0), size - 1.0);
    return Rect(ivec2(first), ivec2(last));
}

// What depth a point has at the most that is `nearest` or farther away, as bits.
uint depth_before(Lens lens, float nearest) {
    return floatBitsToUint(lens.near / nearest) + 2;
}

// The pixels that a box may show in: half extents `reach`, around `center`, whose middle is at `distance` and which
// comes as near as `nearest` along the view. All of it is in front of the eye.
Rect rect_in_front(Lens lens, vec3 center, vec3 reach, float distance, float nearest) {
    const vec2 at = vec2(dot(center, lens.across), dot(center, lens.down)) / distance;
    const vec2 wide = vec2(dot(abs(lens.across - at.x * lens.forward), reach), dot(abs(lens.down - at.y * lens.forward), reach));
    const vec2 off = wide / nearest;
    return rect_between(lens, at - off, at + off);
}

// As above, for a cube that the near plane may cut. It shows only where rays enter it behind that plane: through the faces that
// look at the eye. Each edge of these is cut at the plane, and projected.
Rect rect_cut(Lens lens, vec3 center, float half_edge) {
    const float plane = lens.near * 0.9999;
    vec2 low = vec2(3e38), high = vec2(-3e38);
    for (uint i = 0; i < 12; ++i) {
        const uint axis = i >> 2, corner = i & 3u;
        const vec3 along = vec3(equal(uvec3(0, 1, 2), uvec3(axis)));
        const vec3 across = along.zxy, up = along.yzx;
        const float offset = dot(center, along);
        if (abs(offset) <= half_edge) {
            continue;
        }
        // Corners go round the face.
        const vec3 face = center - sign(offset) * half_edge * along;
        vec3 from = face + half_edge * ((corner == 1 || corner == 2 ? across : -across) + (corner >= 2 ? up : -up));
        vec3 to = face + half_edge * ((corner <= 1 ? across : -across) + (corner == 1 || corner == 2 ? up : -up));
        const float a = dot(from, lens.forward), b = dot(to, lens.forward);
        if (max(a, b) < plane) {
            continue;
        }
        from = a < plane ? mix(from, to, (plane - a) / (b - a)) : from;
        to = b < plane ? mix(to, from, (plane - b) / (a - b)) : to;
        const vec2 first = vec2(dot(from, lens.across), dot(from, lens.down)) / max(a, plane);
        const vec2 last = vec2(dot(to, lens.across), dot(to, lens.down)) / max(b, plane);
        low = min(low, min(first, last));
        high = max(high, max(first, last));
    }
    // Points at the plane are close, and err by more.
    return rect_between(lens, low - 0.25, high + 0.25);
}
