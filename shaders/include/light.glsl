// The light of a scene: one sun, a sky above and a ground below. Linear colours throughout.

// Towards the sun. The three faces of a cube that a camera sees get three different shades from it.
const vec3 SUN_DIRECTION = normalize(vec3(0.48, 0.80, 0.36));
const vec3 SUN = vec3(1.00, 0.94, 0.84) * 0.78;
const vec3 SKY_LIGHT = vec3(0.34, 0.42, 0.54);
const vec3 GROUND_LIGHT = vec3(0.15, 0.13, 0.12);
// What every surface reflects at the least, bluish as a sheen of the sky: black cubes still show their shape.
const vec3 SHEEN = vec3(0.035, 0.045, 0.070);

vec3 srgb_to_linear(vec3 c) {
    return mix(c / 12.92, pow((c + 0.055) / 1.055, vec3(2.4)), step(0.04045, c));
}

// The reflectance of a colour stored as sRGB bytes.
vec3 albedo(uint color) {
    return SHEEN + (1.0 - SHEEN) * srgb_to_linear(unpackUnorm4x8(color).rgb);
}

// The light that a surface facing `normal` sends to the eye.
vec3 lit(vec3 albedo, vec3 normal) {
    const vec3 ambient = mix(GROUND_LIGHT, SKY_LIGHT, 0.5 + 0.5 * normal.y);
    return albedo * (ambient + SUN * max(dot(normal, SUN_DIRECTION), 0.0));
}
