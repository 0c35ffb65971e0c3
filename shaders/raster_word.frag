// Which cube a pixel shows; its depth is the rasteriser's.
#version 460

layout(location = 0) flat in uint in_word;
layout(location = 0) out uint out_word;

void main() {
    out_word = in_word;
}
