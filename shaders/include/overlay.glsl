// What the overlay's shaders share; the Rust side is src/overlay/meshes.rs.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

// In points, and of the texture; the colour is encoded as sRGB, multiplied with its alpha.
struct Vertex {
    vec2 at;
    vec2 uv;
    uint color;
};

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Vertices {
    Vertex at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Indices {
    uint at[];
};

// The texture holds linear light, as sampled: it is to be encoded.
const uint TEXTURE_IS_LINEAR = 1;
// The target takes linear light.
const uint TARGET_IS_LINEAR = 2;

layout(push_constant, scalar) uniform Push {
    Vertices vertices;
    Indices indices;
    vec2 clip_of_point;
    uint number;
    uint flags;
} push;
