// The arguments of a draw of as many cubes as a list has, which may be empty then.
#version 460
#extension GL_GOOGLE_include_directive : require
#include "include/cells.glsl"

layout(local_size_x = 1) in;

layout(push_constant, scalar) uniform Push {
    DrawIndexedArgs args;
    List count;
    // The same list if it is empty from now on, else 0.
    List emptied;
    // Of the indices of one instance.
    uint index_count;
    // An entry of the list is two to this power cubes at the most, an instance of the draw to that one.
    uint entry_shift;
    uint instance_shift;
} push;

void main() {
    const uint count = entries_of(push.count);
    if (uint64_t(push.emptied) != 0ul) {
        push.emptied.at[0] = 0;
    }
    push.args.index_count = push.index_count;
    // Rounded up, without an overflow.
    push.args.instance_count = push.entry_shift >= push.instance_shift
        ? count << (push.entry_shift - push.instance_shift)
        : (count >> push.instance_shift) + uint((count & ((1u << push.instance_shift) - 1u)) != 0u);
    push.args.first_index = 0;
    push.args.vertex_offset = 0;
    push.args.first_instance = 0;
}
