// Cubes in the caller's order: 20 bytes each. The Rust side is src/scene/instances.rs.
struct Instance {
    vec3 position;
    float half_edge;
    // sRGB bytes, red in the lowest.
    uint color;
};

layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer Instances {
    Instance at[];
};

// What can be packed: src/cells/check.rs. By their bits, so that no compiler's idea of NaN matters.
const uint LARGEST = 0x5d800000u; // 2^60
const uint SMALLEST = 0x21800000u; // 2^-60

bool is_good(Instance cube) {
    const uvec3 size = floatBitsToUint(cube.position) & 0x7fffffffu;
    const uint edge = floatBitsToUint(cube.half_edge);
    return all(lessThanEqual(size, uvec3(LARGEST))) && edge >= SMALLEST && edge <= LARGEST;
}
