// The visibility buffer: what each pixel shows, row after row from the top left.
// A depth in the upper half (reversed: near / distance, as float bits, which order as integers do), a word in the lower.
#extension GL_EXT_shader_atomic_int64 : require

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Visibility {
    uint64_t at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 8) buffer VisibilityHalves {
    uvec2 at[];
};
