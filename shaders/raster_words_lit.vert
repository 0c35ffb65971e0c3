// The cubes of a list of words, to be shaded as they are drawn.
#version 460
#extension GL_GOOGLE_include_directive : require
#define LIT
#include "include/raster_words.glsl"
