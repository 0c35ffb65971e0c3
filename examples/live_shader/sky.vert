#version 460

layout(location = 0) out vec2 place;

// One triangle that covers the picture; `place` goes from 0 to 1 across it and down.
void main() {
    place = vec2(gl_VertexIndex << 1 & 2, gl_VertexIndex & 2);
    gl_Position = vec4(place * 2.0 - 1.0, 0.5, 1.0);
}
