// What the bench kernels of culling share: one record of 48 bytes for each instance of a block of cubes.
// The Rust side is benches/harness/cull/.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

// As renderers have them that draw meshes one by one: a place, a size, a rotation, what to draw.
struct Record {
    vec3 position;
    float scale;
    vec4 rotation;
    uint mesh;
    uint material;
    uint first_vertex;
    uint flags;
};

// A draw's arguments and the instance that it is of.
struct Command {
    uint index_count;
    uint instance_count;
    uint first_index;
    int vertex_offset;
    uint first_instance;
    uint instance;
};

layout(buffer_reference, scalar, buffer_reference_align = 16) buffer Records {
    Record at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Commands {
    Command at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Words {
    uint at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly buffer Depths {
    float at[];
};
