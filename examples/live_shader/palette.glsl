// Change these and save.
const vec3 ZENITH = vec3(0.05, 0.15, 0.45);
const vec3 HORIZON = vec3(0.60, 0.75, 0.95);
const vec3 SUN = vec3(1.00, 0.90, 0.60);
