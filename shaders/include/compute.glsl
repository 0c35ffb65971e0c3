// What the kernels of vulkio::compute share: words of memory, four at a time, and where a workgroup stands.
// The Rust side is src/compute/.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

// How numbers are accessed; `nonprivate` where barriers are to order it.
#ifndef ACCESS
#define ACCESS
#endif

layout(buffer_reference, scalar, buffer_reference_align = 4) ACCESS buffer Words {
    uint at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 16) ACCESS buffer Quads {
    uvec4 at[];
};

// Of a grid of two dimensions: one alone may have no more than 65,535 groups.
uint group_number() {
    return gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x;
}

// Words from some word on. Indices in SPIR-V are signed, and some drivers multiply them by the stride in 32 bits: so what
// may be far is added to the address, in 64 bits, and indices are small.
Words words_from(Words words, uint64_t first) {
    return Words(uint64_t(words) + first * 4);
}

bool is_aligned(Words words) {
    return (uint(uint64_t(words)) & 15u) == 0;
}

// Four words: one access where they are aligned, which is the same for all of a workgroup.
uvec4 load_quad(Words words, uint quad, bool aligned) {
    if (aligned) {
        return Quads(uint64_t(words)).at[quad];
    }
    const uint first = quad * 4;
    return uvec4(words.at[first], words.at[first + 1], words.at[first + 2], words.at[first + 3]);
}

void store_quad(Words words, uint quad, bool aligned, uvec4 value) {
    if (aligned) {
        Quads(uint64_t(words)).at[quad] = value;
    } else {
        const uint first = quad * 4;
        words.at[first] = value.x;
        words.at[first + 1] = value.y;
        words.at[first + 2] = value.z;
        words.at[first + 3] = value.w;
    }
}

// As `load_quad`, where only the first `count` words are there.
uvec4 load_some(Words words, uint quad, uint count, uint otherwise) {
    uvec4 value = uvec4(otherwise);
    for (uint i = 0; i < 4; ++i) {
        if (quad * 4 + i < count) {
            value[i] = words.at[quad * 4 + i];
        }
    }
    return value;
}

void store_some(Words words, uint quad, uint count, uvec4 value) {
    for (uint i = 0; i < 4; ++i) {
        if (quad * 4 + i < count) {
            words.at[quad * 4 + i] = value[i];
        }
    }
}
