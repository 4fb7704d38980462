// Keeps the sums of scalars over a block of the data: the host adds those of all blocks in float64.
//
// twin: engine/referenceFullData.ts
//#import batched/slice

const SCALARS: u32 = 1u; //#param
override WORKGROUP: u32 = 16u;

@group(0) @binding(1) var<storage, read> scratch: array<f32>;  // [slot, word]
@group(0) @binding(2) var<storage, read_write> blocks: array<f32>;  // [block, scalar, slot]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slot = id.x;
  let slots = run.last_lane - run.first_lane;
  if (slot >= slots) { return; }
  let sums_at = slot * SCRATCH;
  let block_at = run.block * SCALARS * slots + slot;
  //#slot keep
  blocks[block_at] = scratch[sums_at + LOSS];
  //#end
}
