// The cubes of a list of words, for the rasteriser.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/raster_words.glsl"
