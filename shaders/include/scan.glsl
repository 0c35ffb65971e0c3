// Sums of all numbers up to each: in one pass, by decoupled look-back (Merrill and Garland, "Single-pass Parallel Prefix
// Scan with Decoupled Look-back", 2016). A workgroup has one tile. It adds up its own numbers, says what they come to, and
// looks back over what the tiles before say until one of them knows the sum of all up to it.
//
// Nothing says that the workgroups before ever run while this one waits for them. So it does not wait for long: it adds up
// the numbers of the tile that is silent itself, and says what they come to in its place (the idea is that of b0nes164's
// "decoupled fallback").
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_EXT_shader_atomic_int64 : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_ballot : require
#pragma use_vulkan_memory_model
#include "include/compute.glsl"

layout(local_size_x_id = 0) in;
layout(local_size_x = 256) in;

// As in src/compute/element.rs: sums of I32 are those of U32.
const uint F32 = 0;
layout(constant_id = 1) const uint KIND = F32;
// Whether a number counts for its own sum.
layout(constant_id = 2) const bool INCLUSIVE = true;
// Quads of an invocation.
layout(constant_id = 3) const uint ROUNDS = 4;
// Tiles that an invocation looks back at in one go.
layout(constant_id = 4) const uint WINDOW = 1;
// How often a silent tile is asked before its numbers are added up here.
layout(constant_id = 5) const uint PATIENCE = 64;
// Subgroups of a workgroup, or more.
layout(constant_id = 8) const uint SUBGROUPS = 64;
// Whether workgroups draw their tiles, so that these begin in order however a device orders its workgroups.
layout(constant_id = 9) const bool DRAWN = true;
// Whether there may be memory barriers in loops. Mesa's llvmpipe (22.3) takes each for a barrier of the whole workgroup. It needs
// none: what is said is made of what was read, and CPUs keep the order of such.
layout(constant_id = 10) const bool FENCED = true;
// For tests. Tiles in the opposite order: none of those before has run.
layout(constant_id = 6) const bool BACKWARDS = false;
// For tests. Every so many tiles one says nothing of its own accord; 0: all speak.
layout(constant_id = 7) const uint MUTE = 0;

// What tiles say, a word each, which is read and written as a whole: the number in the lower half, in the upper half twice
// the epoch, and one more if the number is the sum of all up to the tile, not of the tile alone. Words of other epochs say
// nothing, so nobody need clear them.
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer Said {
    // How many workgroups have drawn: 0 again at the end.
    uint drawn;
    uint unused;
    uint64_t at[];
};

layout(push_constant, scalar) uniform Push {
    Words numbers;
    Words sums;
    Said said;
    uint64_t count;
    uint tiles;
    uint epoch;
} push;

shared uint subgroup_sums[SUBGROUPS];
shared uint shared_before;
shared uint shared_number;

uint add(uint a, uint b) {
    return KIND == F32 ? floatBitsToUint(uintBitsToFloat(a) + uintBitsToFloat(b)) : a + b;
}

// Over the lanes before this one.
uint add_before(uint mine) {
    return KIND == F32 ? floatBitsToUint(subgroupExclusiveAdd(uintBitsToFloat(mine))) : subgroupExclusiveAdd(mine);
}

uint add_all(uint mine) {
    return KIND == F32 ? floatBitsToUint(subgroupAdd(uintBitsToFloat(mine))) : subgroupAdd(mine);
}

uint of_last_lane(uint mine) {
    return subgroupBroadcast(mine, gl_SubgroupSize - 1);
}

uint tile_quads() {
    return gl_WorkGroupSize.x * ROUNDS;
}

Words tile_of(Words words, uint tile) {
    return words_from(words, uint64_t(tile) * (tile_quads() * 4));
}

uint64_t word(uint number, bool is_all) {
    return uint64_t(push.epoch * 2 + uint(is_all)) << 32 | number;
}

bool is_spoken(uint64_t said) {
    return uint(said >> 33) == (push.epoch & 0x7fffffffu);
}

uint64_t listen(uint tile) {
    return atomicLoad(push.said.at[tile], gl_ScopeDevice, gl_StorageSemanticsNone, gl_SemanticsRelaxed);
}

void say(uint tile, uint number, bool is_all) {
    if (MUTE == 0 || tile % MUTE != MUTE - 1) {
        atomicStore(push.said.at[tile], word(number, is_all), gl_ScopeDevice, gl_StorageSemanticsNone,
                    gl_SemanticsRelaxed);
    }
}

// Says what the numbers of another tile come to, unless that has spoken by now. If it has, it may have overwritten its
// numbers, and what was added up here is worth nothing: it is compared and thrown away.
void speak_for(uint tile) {
    Words words = tile_of(push.numbers, tile);
    const bool aligned = is_aligned(words);
    uint mine = 0;
    for (uint quad = gl_SubgroupInvocationID; quad < tile_quads(); quad += gl_SubgroupSize) {
        const uvec4 numbers = load_quad(words, quad, aligned);
        mine = add(mine, add(add(numbers.x, numbers.y), add(numbers.z, numbers.w)));
    }
    mine = add_all(mine);
    if (FENCED) {
        memoryBarrier(gl_ScopeDevice, gl_StorageSemanticsBuffer, gl_SemanticsAcquireRelease);
    }
    if (subgroupElect()) {
        const uint64_t said = listen(tile);
        if (!is_spoken(said)) {
            atomicCompSwap(push.said.at[tile], said, word(mine, tile == 0), gl_ScopeDevice, gl_StorageSemanticsNone,
                           gl_SemanticsRelaxed, gl_StorageSemanticsNone, gl_SemanticsRelaxed);
        }
    }
}

// The sum of all tiles before this one, by one subgroup.
uint look_back(uint tile) {
    uint sum = 0;
    // The tiles from here on are in the sum.
    uint end = tile;
    uint asked = 0;
    while (end > 0) {
        // The first lane looks at the nearest tiles.
        uint64_t said[WINDOW];
        const uint first = gl_SubgroupInvocationID * WINDOW;
        [[unroll]] for (uint i = 0; i < WINDOW; ++i) {
            said[i] = first + i < end ? listen(end - 1 - (first + i)) : word(0, true);
        }
        uint mine = 0, taken = 0;
        bool is_found = false;
        [[unroll]] for (uint i = 0; i < WINDOW; ++i) {
            if (taken == i && !is_found && is_spoken(said[i])) {
                mine = add(uint(said[i]), mine);
                ++taken;
                is_found = (said[i] >> 32 & 1) != 0;
            }
        }
        // The first lane that did not take all, or need not look farther.
        const uvec4 stops = subgroupBallot(is_found || taken < WINDOW);
        const bool is_stopped = stops != uvec4(0);
        const uint stop = is_stopped ? subgroupBallotFindLSB(stops) : gl_SubgroupSize;
        sum = add(add_all(gl_SubgroupInvocationID <= stop ? mine : 0), sum);
        if (!is_stopped) {
            end -= gl_SubgroupSize * WINDOW;
            continue;
        }
        const bool is_end = subgroupBallotBitExtract(subgroupBallot(is_found), stop);
        if (is_end) {
            return sum;
        }
        const uint step = stop * WINDOW + subgroupBroadcast(taken, stop);
        end -= step;
        asked = step > 0 ? 0 : asked + 1;
        if (asked > PATIENCE) {
            speak_for(end - 1);
            asked = 0;
        }
    }
    return sum;
}

// What the first `end` subgroups have, added up.
uint subgroups_before(uint end) {
    uint sum = 0;
    [[unroll]] for (uint i = 0; i < SUBGROUPS; ++i) {
        sum = i < end ? add(sum, subgroup_sums[i]) : sum;
    }
    return sum;
}

// By the first subgroup: what is before the tile.
void sum_before(uint tile) {
    const uint own = subgroups_before(gl_NumSubgroups);
    uint before = 0;
    if (tile > 0) {
        if (subgroupElect()) {
            say(tile, own, false);
        }
        before = look_back(tile);
    }
    if (subgroupElect()) {
        say(tile, add(before, own), true);
        shared_before = before;
    }
}

void scan(uint tile) {
    const uint64_t first = uint64_t(tile) * (tile_quads() * 4);
    const uint count = uint(min(push.count - first, uint64_t(tile_quads() * 4)));
    const bool is_full = count == tile_quads() * 4;
    Words numbers = tile_of(push.numbers, tile);
    Words sums = tile_of(push.sums, tile);

    // Each subgroup has quads that lie together, each of its rounds as many as it has lanes.
    const uint own = gl_SubgroupID * gl_SubgroupSize * ROUNDS + gl_SubgroupInvocationID;
    uvec4 quads[ROUNDS];
    if (is_full) {
        const bool aligned = is_aligned(numbers);
        [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
            quads[round] = load_quad(numbers, own + round * gl_SubgroupSize, aligned);
        }
    } else {
        [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
            quads[round] = load_some(numbers, own + round * gl_SubgroupSize, count, 0);
        }
    }

    // Within quads, and before each of them in the subgroup.
    uint befores[ROUNDS];
    uint sum = 0;
    [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
        uvec4 quad = quads[round];
        quad.y = add(quad.x, quad.y);
        quad.z = add(quad.y, quad.z);
        quad.w = add(quad.z, quad.w);
        quads[round] = quad;
        const uint before = add_before(quad.w);
        befores[round] = add(sum, before);
        sum = add(sum, of_last_lane(add(before, quad.w)));
    }
    if (subgroupElect()) {
        subgroup_sums[gl_SubgroupID] = sum;
    }
    barrier();
    if (gl_SubgroupID == 0) {
        sum_before(tile);
    }
#ifdef IN_PLACE
    // Whoever sees numbers that are overwritten from here on sees that this tile has spoken as well: see `speak_for`.
    controlBarrier(gl_ScopeWorkgroup, gl_ScopeDevice, gl_StorageSemanticsBuffer | gl_StorageSemanticsShared,
                   gl_SemanticsAcquireRelease);
#else
    barrier();
#endif

    const uint before = add(shared_before, subgroups_before(gl_SubgroupID));
    const bool aligned = is_aligned(sums);
    [[unroll]] for (uint round = 0; round < ROUNDS; ++round) {
        const uint start = add(before, befores[round]);
        uvec4 quad = quads[round];
        if (!INCLUSIVE) {
            quad = uvec4(0, quad.xyz);
        }
        quad = uvec4(add(start, quad.x), add(start, quad.y), add(start, quad.z), add(start, quad.w));
        const uint at = own + round * gl_SubgroupSize;
        if (is_full) {
            store_quad(sums, at, aligned, quad);
        } else {
            store_some(sums, at, count, quad);
        }
    }
}

// A number of its own for each workgroup.
uint number() {
    if (!DRAWN) {
        return group_number();
    }
    if (gl_LocalInvocationIndex == 0) {
        shared_number = atomicAdd(push.said.drawn, 1u, gl_ScopeDevice, gl_StorageSemanticsNone, gl_SemanticsRelaxed);
        if (shared_number + 1 == gl_NumWorkGroups.x * gl_NumWorkGroups.y) {
            atomicStore(push.said.drawn, 0u, gl_ScopeDevice, gl_StorageSemanticsNone, gl_SemanticsRelaxed);
        }
    }
    barrier();
    return shared_number;
}

void main() {
    const uint number = number();
    if (number < push.tiles) {
        scan(BACKWARDS ? push.tiles - 1 - number : number);
    }
}
