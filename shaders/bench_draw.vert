// The frame bench's draw: one small triangle, placed and coloured by 64 bytes of push constants.
#version 460
layout(location = 0) out vec3 color;

layout(push_constant) uniform Push {
    vec4 place;  // x, y: a corner; z: the size
    vec4 tint;
    vec4 more[2]; // as large as a matrix: what a usual draw pushes
} push;

void main() {
    const vec2 corners[] = {vec2(0.0, 0.0), vec2(1.0, 0.0), vec2(0.0, 1.0)};
    color = push.tint.rgb + push.more[0].rgb + push.more[1].rgb;
    gl_Position = vec4(push.place.xy + push.place.z * corners[gl_VertexIndex], 0.5, 1.0);
}
