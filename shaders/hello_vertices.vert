#version 460
// Corners and their colours, fetched from a buffer.
layout(location = 0) in vec2 corner;
layout(location = 1) in vec3 tint;
layout(location = 0) out vec3 color;
void main() {
    gl_Position = vec4(corner, 0.5, 1.0);
    color = tint;
}
