// What the CPU and the shaders share about cubes: buffers reached by address, scalar layout.
// The Rust side is src/scene/instances.rs and src/exec (the indirect arguments).
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

// One cube: its centre, and its colour as sRGB bytes (red in the lowest).
struct Instance {
    vec3 position;
    uint color;
};

// Loaded as whole 16-byte words: one memory transaction an instance on every GPU.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly restrict buffer Instances {
    uvec4 at[];
};

// The indices of the instances that passed the cull, in no particular order.
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer VisibleList {
    uint at[];
};

// VkDrawIndexedIndirectCommand.
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer DrawIndexedArgs {
    uint index_count;
    uint instance_count;
    uint first_index;
    int vertex_offset;
    uint first_instance;
};

Instance load_instance(Instances instances, uint index) {
    const uvec4 words = instances.at[index];
    return Instance(uintBitsToFloat(words.xyz), words.w);
}
