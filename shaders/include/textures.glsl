// The textures of a pass, chosen by a number that is the same for a whole draw or workgroup. GLSL for devices that take constant
// indices alone: 16 of them at most, which every device has.

layout(set = 1, binding = 0) uniform sampler2DArray textures[16];

#define ALL_TEXTURES(ONE) \
    ONE(0) ONE(1) ONE(2) ONE(3) ONE(4) ONE(5) ONE(6) ONE(7) \
    ONE(8) ONE(9) ONE(10) ONE(11) ONE(12) ONE(13) ONE(14) ONE(15)

// At u, v of a layer. The level follows from how far apart neighbouring pixels are.
vec4 sampled(uint number, vec3 at) {
#define ONE(N) case N: return texture(textures[N], at);
    switch (number) {
        ALL_TEXTURES(ONE)
    }
#undef ONE
    return vec4(0.0);
}

// At a level.
vec4 sampled_at(uint number, vec3 at, float level) {
#define ONE(N) case N: return textureLod(textures[N], at, level);
    switch (number) {
        ALL_TEXTURES(ONE)
    }
#undef ONE
    return vec4(0.0);
}
