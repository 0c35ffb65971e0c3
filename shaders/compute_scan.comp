// Sums of all numbers up to each, apart from these.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/scan.glsl"
