// The hello_texture example: the first texture of the pass, which is the only one.
#version 460

layout(set = 1, binding = 0) uniform sampler2DArray textures[1];

layout(location = 0) in vec2 at;
layout(location = 0) out vec4 color;

void main() {
    color = texture(textures[0], vec3(at, 0.0));
}
