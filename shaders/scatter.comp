// Scatter: writes the elements of a packed list to where their indices say. An invocation writes word by word, a grid's
// width apart, so that a few workgroups serve any number of words.
#version 460
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

layout(local_size_x = 256) in;

layout(buffer_reference, scalar, buffer_reference_align = 4) readonly restrict buffer List {
    uint at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) writeonly restrict buffer Word {
    uint value;
};

// The Rust side is src/exec/update/scatter.rs.
layout(push_constant, scalar) uniform Push {
    uint64_t target;
    // An index for each element, and its words.
    List indices;
    List data;
    uint words;
    uint words_per_element;
} push;

void main() {
    const uint width = gl_NumWorkGroups.x * gl_WorkGroupSize.x;
    for (uint i = gl_GlobalInvocationID.x; i < push.words; i += width) {
        const uint64_t element = push.indices.at[i / push.words_per_element];
        // In 64 bits: a buffer may have more words than 32 bits count.
        const uint64_t word = element * push.words_per_element + i % push.words_per_element;
        Word(push.target + 4 * word).value = push.data.at[i];
    }
}
