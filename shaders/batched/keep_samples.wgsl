// Keeps scalars of every sample of a block of the data, for the host: projections of its gradient.
//
// twin: engine/curvature/referenceGradientNoise.ts
//#import batched/slice

const SCALARS: u32 = 1u; //#param
override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read> scratch: array<f32>;  // [slot, word]
@group(0) @binding(2) var<storage, read_write> each: array<f32>;  // [slot, scalar, sample]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let place = id.x;
  if (place >= run.batch) { return; }
  let sums_at = id.y * SCRATCH;
  let sample_at = id.y * SCALARS * run.samples + run.first_sample + place;
  //#slot keep
  each[sample_at] = scratch[sums_at + LOSS + place];
  //#end
}
