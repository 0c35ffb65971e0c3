// Level of detail: of a cell whose cubes are smaller than a pixel, a part of the cubes stands for all. Cells are stored so
// that every beginning is spread evenly; at level n the first 2^-n of it is drawn, with areas 2^n times as large.

// Drawn cubes have edges of so many pixels at the most. The larger, the fewer are drawn; but as many as pixels leave holes
// by chance, and blur; outlines recede by as much.
const float LARGEST = 0.25;
const float MOST_LEVELS = 8.0;

bool has_lod(Lens lens) {
    return (lens.size & 0x80000000u) != 0;
}

// The cell's middle from the eye.
vec3 middle_of(Lens lens, Cell cell, vec3 half_size) {
    return (cell.min - lens.eye) + half_size;
}

// Half of what the places of its cubes span.
vec3 half_size_of(Cell cell, uvec2 extent) {
    return vec3(extent.x & 0xffffu, extent.x >> 16, extent.y & 0xffffu) * cell.step * 0.5;
}

// The level of a cell whose nearest cube is so far along the view.
float level_at(Lens lens, Cell cell, float nearest) {
    if (nearest <= lens.near) {
        return 0.0;
    }
    const float edge = 2.0 * cell.half_edge * length(lens.down) / nearest;
    return clamp(floor(2.0 * log2(LARGEST / edge)), 0.0, MOST_LEVELS);
}

// The level of a cell; 0 with every cube as it is.
float level_of(Lens lens, Scene scene, Cell cell, uint number) {
    if (!has_lod(lens)) {
        return 0.0;
    }
    const vec3 half_size = half_size_of(cell, scene.extents.at[number]);
    const vec3 reach = half_size + cell.half_edge;
    return level_at(lens, cell, dot(middle_of(lens, cell, half_size), lens.forward) - dot(abs(lens.forward), reach));
}

// Of so many cubes, those that are drawn.
uint drawn_of(uint count, float level) {
    return (count + (1u << uint(level)) - 1) >> uint(level);
}

// How much longer their edges are.
float growth_of(float level) {
    return exp2(0.5 * level);
}
