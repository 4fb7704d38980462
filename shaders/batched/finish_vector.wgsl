// From the sum of a vector over the data to its mean, and what weight decay adds:
//
//   v = (1/N) Σ_i v_i + λ u,   u = θ for a gradient, the direction for a Hessian's product with it
//
// twin: engine/referenceFullData.ts
//#import batched/slice

const QUADS: u32 = 8u;
const WORKGROUP: u32 = 64u;
// Word of a replica's vectors where u begins.
const DECAYED: u32 = 0u; //#param

@group(0) @binding(1) var<storage, read> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(0) @binding(2) var<storage, read_write> totals: array<vec4f>;  // [slot, param / 4]
@group(0) @binding(3) var<storage, read> decay: array<f32>;  // [condition]

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let slot = workgroup.y;
  let lambda = decay[condition_of(slot)];
  let inverse = 1.0 / f32(run.samples);
  let first = workgroup.x * QUADS * WORKGROUP + thread;
  for (var i = 0u; i < QUADS; i += 1u) {
    let quad = first + i * WORKGROUP;
    if (quad >= VECTOR / 4u) { break; }
    let at = slot * (VECTOR / 4u) + quad;
    totals[at] = inverse * totals[at]
      + lambda * replicas[(slot * REPLICA + DECAYED) / 4u + quad];
  }
}
