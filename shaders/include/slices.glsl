// How many subgroups share a cell. One, but where they are small each takes one step of it: lavapipe ends an invocation's loops
// after 65,535 rounds in all.
uint slices() {
    return gl_SubgroupSize < 32 ? 256 / gl_SubgroupSize : 1;
}
