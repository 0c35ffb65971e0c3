// What the cpu_jobs example and its shaders share; the Rust side is examples/cpu_jobs.rs.
#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require

// As the CPU moves it, in units of half the picture.
struct Ball {
    vec2 position;
    vec2 velocity;
};

// As it is drawn.
struct Disc {
    vec2 centre;
    float radius;
    vec3 color;
};

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Balls {
    Ball at[];
};

layout(buffer_reference, scalar, buffer_reference_align = 4) buffer Discs {
    Disc at[];
};
