// The shading that both fragment shaders of cubes share.
#include "cube.glsl"
#include "light.glsl"

layout(location = 0) flat in uint in_color;
layout(location = 1) flat in uint in_face;
layout(location = 2) flat in uint in_id;
layout(location = 3) in float in_fade;

vec4 shade() {
    const vec3 color = lit(albedo(in_color), face_normal(in_face));
    return vec4(mix(color, push.sky, in_fade), 1.0);
}
