// The hello_texture example's floor, from under the eye to the horizon.
#version 460

layout(location = 0) out vec2 at;

void main() {
    const uint corners[] = {0, 1, 2, 2, 1, 3};
    const uint corner = corners[gl_VertexIndex];
    const float side = corner % 2 == 0 ? -60.0 : 60.0;
    const float far = corner < 2 ? 1.0 : 60.0;
    at = vec2(side, far);
    gl_Position = vec4(side, 1.0, 0.5, far);
}
