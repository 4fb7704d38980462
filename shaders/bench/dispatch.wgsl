// The least a dispatch can do: one invocation counts it.
//
// Dispatches of one pass that write the same buffer wait for each other, as those of a run do.
// twin: none, the count is known. Used by bench/roofline.ts.

@group(0) @binding(0) var<storage, read_write> count: array<u32>;  // [1]

@compute @workgroup_size(1)
fn main() {
  count[0] += 1u;
}
