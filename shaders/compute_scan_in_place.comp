// Sums of all numbers up to each, in their place. A tile's numbers may be read by others until it has spoken: so accesses to
// them are not private to an invocation, and the order of these with what it says is kept.
#version 460
#extension GL_GOOGLE_include_directive : require
#define IN_PLACE
#define ACCESS nonprivate
#include "include/scan.glsl"
