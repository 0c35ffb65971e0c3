// Frustum cull: keeps every cube whose box touches the camera's infinite frustum, writes their words and counts
// them.
//
// A workgroup takes 64 cells. First each is one lane's: those outside are done, and of those inside all cubes are kept
// without a look at them. Then teams of 32 lanes take what is left, cell by cell; each lane loads eight cubes at once, so
// that enough bytes are on their way. Words go to the list by ballots, in whole runs, and the global count is touched
// once a workgroup.
#version 460
#extension GL_GOOGLE_include_directive : require
#extension GL_KHR_shader_subgroup_ballot : require
#include "include/cells.glsl"

const uint LANES = 256;
const uint TEAM = 32;
const uint TEAMS = LANES / TEAM;
// Cells of a workgroup, and how many of them a team takes at the most, one after the other.
const uint CELLS = 64;
const uint ROUNDS = CELLS / TEAMS;
// Cubes of a cell for each lane of a team, of 256 at the most.
const uint PER_LANE = 256 / TEAM;
// Rounding: `position - eye` and the dot product err by less than 2^-21 of the distance (its 1-norm) together.
// Four times that costs no measurable false positive and leaves room for any order of evaluation.
const float ROUNDING = 1.0 / 524288.0;

layout(local_size_x = LANES) in;

layout(push_constant, scalar) uniform Push {
    Scene scene;
    List visible;
    // How many are kept.
    List count;
    vec3 eye;
    // xyz: a plane's inward normal. w: how far outside a point at the eye may be.
    vec4 planes[5];
    // Not 0: every cube is read and tested, whatever its cell is.
    uint every_cube;
} push;

// Cells that are not outside: twice the number, and 1 more for those inside.
shared uint left[CELLS];
shared uint left_count;
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

// Where the box around a cell's cubes is: beyond a plane (0), cut by one (1), within all of them (2).
uint side_of(uint number) {
    if (push.every_cube != 0) {
        return 1;
    }
    const Cell cell = push.scene.cells.at[number];
    const uvec2 last = push.scene.extents.at[number];
    const vec3 half_size = vec3(last.x & 0xffffu, last.x >> 16, last.y & 0xffffu) * cell.step * 0.5;
    const vec3 center = (cell.min - push.eye) + half_size;
    const vec3 extent = half_size + cell.half_edge;
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
uint kept_of(uint number, bool is_inside, uint member) {
    const Cell cell = push.scene.cells.at[number];
    const uint count = push.scene.cells.at[number + 1].first - cell.first;
    const uint own = (1u << ((max(count, member) - member + TEAM - 1) / TEAM)) - 1u;
    if (is_inside) {
        return own;
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

// Sorts the workgroup's cells: those outside are left out.
void look_at_cells(uint lane) {
    // The second dimension only carries on where the first reached the device's limit.
    const uint number = (gl_WorkGroupID.y * gl_NumWorkGroups.x + gl_WorkGroupID.x) * CELLS + lane;
    const uint side = lane < CELLS && number < push.scene.cell_count ? side_of(number) : 0;
    const uvec4 ballot = subgroupBallot(side != 0);
    uint place = 0;
    if (subgroupElect()) {
        place = atomicAdd(left_count, subgroupBallotBitCount(ballot));
    }
    place = subgroupBroadcastFirst(place) + subgroupBallotExclusiveBitCount(ballot);
    if (side != 0) {
        left[place] = number << 1 | uint(side == 2);
    }
}

void main() {
    const uint lane = gl_LocalInvocationIndex;
    const uint member = lane % TEAM;
    if (lane == 0) {
        left_count = 0;
        kept_count = 0;
    }
    barrier();
    look_at_cells(lane);
    barrier();
    if (left_count == 0) {
        return;
    }

    // Eight bits a round, of eight rounds.
    uint64_t kept = 0ul;
    uint own_count = 0;
    const uint rounds = (left_count + TEAMS - 1) / TEAMS;
    for (uint round = 0; round < rounds; ++round) {
        const uint entry = round * TEAMS + lane / TEAM;
        const uint bits = entry < left_count ? kept_of(left[entry] >> 1, (left[entry] & 1u) != 0, member) : 0;
        kept |= uint64_t(bits) << (round * PER_LANE);
        for (uint k = 0; k < PER_LANE; ++k) {
            own_count += subgroupBallotBitCount(subgroupBallot((bits >> k & 1u) != 0));
        }
    }
    uint next = 0;
    if (subgroupElect() && own_count != 0) {
        next = atomicAdd(kept_count, own_count);
    }
    next = subgroupBroadcastFirst(next);
    barrier();
    if (lane == 0 && kept_count != 0) {
        first_entry = atomicAdd(push.count.at[0], kept_count);
    }
    barrier();
    if (own_count == 0) {
        return;
    }

    next += first_entry;
    for (uint round = 0; round < rounds; ++round) {
        const uint bits = uint(kept >> (round * PER_LANE));
        const uint cell = left[min(round * TEAMS + lane / TEAM, left_count - 1)] >> 1;
        for (uint k = 0; k < PER_LANE; ++k) {
            const bool keep = (bits >> k & 1u) != 0;
            const uvec4 ballot = subgroupBallot(keep);
            const uint at = next + subgroupBallotExclusiveBitCount(ballot);
            // The list has room for every cube once; a cull that nobody reset before would go on behind it.
            if (keep && at < push.scene.cube_count) {
                push.visible.at[at] = word_of(cell, k * TEAM + member);
            }
            next += subgroupBallotBitCount(ballot);
        }
    }
}
