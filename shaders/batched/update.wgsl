// The update of a range of parameters, or the point where G is taken: QUADS times four parameters
// in each invocation, neighbors in neighboring ones.
//
// twin: engine/update/referenceStep.ts
//#import batched/step_quad

// Quads of an invocation: what a step's parameters share is computed once for them.
const QUADS: u32 = 8u;
const WORKGROUP: u32 = 64u;
// Word of scratch where G, or its sum, begins.
const GRADIENT: u32 = 0u; //#param
// Quads that are updated: [FIRST, LAST).
const FIRST: u32 = 0u; //#param
const LAST: u32 = VECTOR / 4u; //#param

@group(0) @binding(2) var<storage, read> scratch: array<vec4f>;  // [slot, word / 4]
@group(0) @binding(3) var<storage, read> frozen: array<u32>;  // [lane]

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let slot = workgroup.y;
  if (frozen[run.first_lane + slot] != 0u) { return; }
  let setting = step_setting(slot);
  let first = FIRST + workgroup.x * QUADS * WORKGROUP + thread;
  for (var i = 0u; i < QUADS; i += 1u) {
    let quad = first + i * WORKGROUP;
    if (quad < LAST) {
      step_quad(slot, quad, scratch[(slot * SCRATCH + GRADIENT) / 4u + quad], setting);
    }
  }
}
