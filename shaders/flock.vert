// The ecs_style example's birds: a triangle for each, which points where it flies. flock.frag colours it.
#version 460

const float SIZE = 0.007;
const float ASPECT = 4.0 / 3.0;

layout(location = 0) in vec2 place;
layout(location = 1) in vec2 speed;
layout(location = 2) in float fear;

layout(location = 0) out vec4 color;

void main() {
    const vec2 ahead = normalize(speed);
    const vec2 aside = vec2(-ahead.y, ahead.x);
    const vec2 corners[3] = vec2[](1.8 * ahead, -ahead - aside, -ahead + aside);
    const vec2 corner = place + SIZE * corners[gl_VertexIndex];
    // Clip space has y down; the birds' world has it up.
    gl_Position = vec4(corner.x / ASPECT, -corner.y, 0.5, 1.0);
    color = vec4(mix(vec3(0.01, 0.01, 0.03), vec3(0.7, 0.02, 0.05), fear), 0.9);
}
