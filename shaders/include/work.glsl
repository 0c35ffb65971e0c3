// Work lists: what an indirect dispatch works off, with the dispatch's arguments in front.
// The Rust side is src/raster/view/work.rs.

// Groups go round the list: no device's limit for a dispatch is less.
const uint MOST_GROUPS = 65535;
// Lanes of the workgroups that work lists off.
const uint GROUP_LANES = 128;

// Entries of the table of what was listed: two to this power.
const uint LISTED_BITS = 16;

layout(buffer_reference, scalar, buffer_reference_align = 4) restrict buffer WorkList {
    uint groups[3];
    // Entries that were wanted: more than `capacity` if it did not suffice.
    uint count;
    uint capacity;
    // Of the list as it was before it was emptied last.
    uint last_count;
    uint at[];
};

// Makes room for `count` entries, each of which so many lanes work off; where the first of them goes.
uint reserve(WorkList list, uint count, uint lanes) {
    const uint first = atomicAdd(list.count, count);
    // More than makes the most groups is cut off before the product could overflow.
    const uint entries = min(min(first + count, list.capacity), MOST_GROUPS * GROUP_LANES / lanes);
    atomicMax(list.groups[0], (entries * lanes + GROUP_LANES - 1) / GROUP_LANES);
    return first;
}

void make_empty(WorkList list) {
    list.last_count = list.count;
    list.count = 0;
    list.groups[0] = 0;
}
