// The ecs_style example's sky: one triangle that holds the picture, so thin that what was there shines through.
#version 460

const float OPACITY = 0.2;

layout(location = 0) out vec4 color;

void main() {
    const vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1) * 4.0 - 1.0;
    gl_Position = vec4(corner, 0.5, 1.0);
    // From the top down; beyond the picture it goes on.
    color = vec4(mix(vec3(0.05, 0.06, 0.25), vec3(1.0, 0.35, 0.08), 0.5 * (corner.y + 1.0)), OPACITY);
}
