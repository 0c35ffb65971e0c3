#version 460
layout(location = 0) out vec3 color;
void main() {
    const vec2 corners[] = {vec2(-0.75, 0.7), vec2(0.75, 0.7), vec2(0.0, -0.75)};
    color = vec3(gl_VertexIndex == 2, gl_VertexIndex == 0, gl_VertexIndex == 1);
    gl_Position = vec4(corners[gl_VertexIndex], 0.5, 1.0);
}
