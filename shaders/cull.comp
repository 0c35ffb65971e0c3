// Frustum cull: keeps every cube whose box touches the camera's infinite frustum, writes their words and adds their
// number to the indirect draw.
//
// A team of 32 lanes takes a cell: one that is outside is done, and one that is inside, too, without a look at its cubes.
// Of the others each lane loads eight cubes at once, so that enough bytes are on their way. Words go to the list by
// ballots, in whole runs, and a workgroup touches the global count once for its 16 cells.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "include/cells.glsl"

const uint LANES = 256;
const uint TEAM = 32;
const uint TEAMS = LANES / TEAM;
// Cells that a team takes one after the other.
const uint ROUNDS = 2;
// Cubes of a cell for each lane of a team, of 256 at the most.
const uint PER_LANE = 256 / TEAM;
const uint CELLS_PER_GROUP = TEAMS * ROUNDS;
// Rounding: `position - eye` and the dot product err by less than 2^-21 of the distance (its 1-norm) together.
// Four times that costs no measurable false positive and leaves room for any order of evaluation.
const float ROUNDING = 1.0 / 524288.0;

layout(local_size_x = LANES) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    List visible;
    DrawIndexedArgs args;
    vec3 eye;
    // xyz: a plane's inward normal. w: how far outside a point at the eye may be.
    vec4 planes[5];
    // Not 0: every cube is read and tested, whatever its cell is.
    uint every_cube;
} push;

shared uint kept_count;
shared uint first_entry;

float sum(vec3 v) {
    return v.x + v.y + v.z;
}

bool touches_frustum(vec3 position, float half_edge) {
    const vec3 offset = position - push.eye;
    const float slack = (sum(abs(offset)) + half_edge) * ROUNDING;
    bool touches = true;
    for (uint i = 0; i < 5; ++i) {
        const vec4 plane = push.planes[i];
        const float reach = sum(abs(plane.xyz)) * half_edge;
        touches = touches && dot(plane.xyz, offset) + reach + plane.w + slack >= 0.0;
    }
    return touches;
}

// Where a box that holds all of a cell is: beyond a plane (0), cut by one (1), within all of them (2).
uint side_of(Cell cell) {
    const vec3 center = (cell.min - push.eye) + cell.step * 32767.5;
    const vec3 extent = cell.step * 32768.0 + cell.half_edge;
    const float slack = (sum(abs(center)) + sum(extent)) * ROUNDING;
    uint side = 2;
    for (uint i = 0; i < 5; ++i) {
        const vec4 plane = push.planes[i];
        const float distance = dot(plane.xyz, center) + plane.w;
        const float reach = dot(abs(plane.xyz), extent) + slack;
        side = min(side, distance < -reach ? 0 : distance < reach ? 1 : 2);
    }
    return side;
}

// Bit k says whether cube `k * TEAM + member` of a cell is kept.
uint kept_of(uint number, uint member) {
    const Cell cell = push.scene.cells.at[number];
    const uint count = push.scene.cells.at[number + 1].first - cell.first;
    const uint own = (1u << ((max(count, member) - member + TEAM - 1) / TEAM)) - 1u;
    const uint side = push.every_cube != 0 ? 1 : side_of(cell);
    if (side != 1) {
        return side == 0 ? 0 : own;
    }

    const uint shift = push.scene.chunk_shift;
    const uint chunk = cell.first >> shift;
    uvec4 packed[PER_LANE];
    if (chunk == (cell.first + count - 1) >> shift) {
        PackedCubes cubes = push.scene.chunks[chunk];
        const uint first = cell.first & ((1u << shift) - 1u);
        for (uint k = 0; k < PER_LANE; ++k) {
            // Lanes beyond the last cube load that again: no branch stands between the loads.
            packed[k] = cubes.at[first + min(k * TEAM + member, count - 1)];
        }
    } else {
        for (uint k = 0; k < PER_LANE; ++k) {
            packed[k] = load_packed(push.scene, cell.first + min(k * TEAM + member, count - 1));
        }
    }
    uint kept = 0;
    for (uint k = 0; k < PER_LANE; ++k) {
        kept |= uint(touches_frustum(position_of(cell, packed[k]), half_edge_of(cell, packed[k]))) << k;
    }
    return kept & own;
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    const uint member = lane % TEAM;
    // The second dimension only carries on where the first reached the device's limit.
    const uint base = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * CELLS_PER_GROUP;
    if (lane == 0) {
        kept_count = 0;
    }
    barrier();

    uint kept[ROUNDS];
    uint own_total = 0;
    for (uint round = 0; round < ROUNDS; ++round) {
        const uint number = base + round * TEAMS + lane / TEAM;
        kept[round] = number < push.scene.cell_count ? kept_of(number, member) : 0;
        for (uint k = 0; k < PER_LANE; ++k) {
            own_total += subgroupBallotBitCount(subgroupBallot((kept[round] >> k & 1u) != 0));
        }
    }
    uint next = 0;
    if (subgroupElect() && own_total != 0) {
        next = atomicAdd(kept_count, own_total);
    }
    next = subgroupBroadcastFirst(next);
    barrier();

    if (lane == 0 && kept_count != 0) {
        first_entry = atomicAdd(push.args.instance_count, kept_count);
    }
    barrier();
    if (own_total == 0) {
        return;
    }

    next += first_entry;
    for (uint round = 0; round < ROUNDS; ++round) {
        const uint cell = base + round * TEAMS + lane / TEAM;
        for (uint k = 0; k < PER_LANE; ++k) {
            const bool keep = (kept[round] >> k & 1u) != 0;
            const uvec4 ballot = subgroupBallot(keep);
            if (keep) {
                push.visible.at[next + subgroupBallotExclusiveBitCount(ballot)] = word_of(cell, k * TEAM + member);
            }
            next += subgroupBallotBitCount(ballot);
        }
    }
}
