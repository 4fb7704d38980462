// Adds the sum of a vector over a block of the data to the sum over all blocks before.
//
//   total[p] ← total[p] + Σ_b v_b[p]
//
// twin: engine/referenceFullData.ts
//#import batched/slice

const QUADS: u32 = 8u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read> scratch: array<vec4f>;  // [slot, word / 4], the sum first
@group(0) @binding(2) var<storage, read_write> totals: array<vec4f>;  // [slot, param / 4]

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let slot = workgroup.y;
  let first = workgroup.x * QUADS * WORKGROUP + thread;
  for (var i = 0u; i < QUADS; i += 1u) {
    let quad = first + i * WORKGROUP;
    if (quad >= VECTOR / 4u) { break; }
    totals[slot * (VECTOR / 4u) + quad] += scratch[slot * (SCRATCH / 4u) + quad];
  }
}
