// What the CPU and the shaders share about cubes: buffers reached by address, scalar layout.
// The Rust side is src/cells/format.rs.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require

// Neighbouring cubes. A cube's place is min + q * step, which never rounds.
struct Cell {
    vec3 min;
    // The slot of its first cube; it ends at the next cell's.
    uint first;
    vec3 step;
    // Of its largest cube.
    float half_edge;
};

struct Cube {
    vec3 position;
    float half_edge;
    // sRGB bytes, red in the lowest.
    uint color;
    // The caller's.
    uint id;
};

layout(buffer_reference, scalar, buffer_reference_align = 16) readonly restrict buffer Cells {
    Cell at[];
};

// Loaded as whole 16-byte words: one memory transaction a cube on every GPU.
layout(buffer_reference, scalar, buffer_reference_align = 16) readonly restrict buffer PackedCubes {
    uvec4 at[];
};

// By cell: the largest packed coordinates of its cubes, 16 bits each.
layout(buffer_reference, scalar, buffer_reference_align = 8) readonly restrict buffer Extents {
    uvec2 at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 8) readonly restrict buffer Scene {
    Cells cells;
    uint cell_count;
    uint cube_count;
    uint chunk_shift;
    uint unused;
    PackedCubes chunks[64];
    Extents extents;
};

// VkDrawIndexedIndirectCommand.
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer DrawIndexedArgs {
    uint index_count;
    uint instance_count;
    uint first_index;
    int vertex_offset;
    uint first_instance;
};

// Lists of cells, or of words: a cell and a cube in it.
layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer List {
    uint at[];
};

// The number of entries of a list, from where that and the list's capacity are.
uint entries_of(List count) {
    return min(count.at[0], count.at[1]);
}

const uint NO_ID = 0xffffffffu;

uint word_of(uint cell, uint index) {
    return cell << 8 | index;
}

uvec4 load_packed(Scene scene, uint slot) {
    const uint shift = scene.chunk_shift;
    return scene.chunks[slot >> shift].at[slot & ((1u << shift) - 1u)];
}

// The cube's centre; the same bits as src/cells/format.rs gets.
vec3 position_of(Cell cell, uvec4 packed) {
    return cell.min + vec3(packed.x & 0xffffu, packed.x >> 16, packed.y & 0xffffu) * cell.step;
}

float half_edge_of(Cell cell, uvec4 packed) {
    return float((packed.y >> 16) + 1u) * (cell.half_edge / 65536.0);
}

Cube unpack(Cell cell, uvec4 packed) {
    return Cube(position_of(cell, packed), half_edge_of(cell, packed), packed.z, packed.w);
}

Cube load_word(Scene scene, uint word) {
    const Cell cell = scene.cells.at[word >> 8];
    return unpack(cell, load_packed(scene, cell.first + (word & 0xffu)));
}
