#version 460
// Triangles whose corners and colours are fetched for each vertex, and their place for each instance.
layout(location = 0) in vec2 corner;
layout(location = 1) in vec4 tint;
layout(location = 2) in vec2 place;
layout(location = 0) out vec3 color;
void main() {
    gl_Position = vec4(corner + place, 0.5, 1.0);
    color = tint.rgb;
}
