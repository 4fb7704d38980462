// Means over the data of vectors that were summed in blocks, plus λ times a direction.
//
//   means[direction, param, lane] = (1/N) Σ_block sums[direction, block, param, lane] + λ d_param
//
// Of Hessian-vector products of the loss: products with the Hessian of f = L + (λ/2)|θ|².
// One invocation takes one parameter of one lane; λ = 0 leaves the directions unread.
// twin: engine/referenceFullData.ts

const PARAMS: u32 = 2u; //#param
override WORKGROUP: u32 = 64u;

//#slot run
struct Run {
  first_lane: u32,
  lanes: u32,
  state_lanes: u32,
  global_lane: u32,
  replicas: u32,
  samples: u32,
  block: u32,
  conditions: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read> decay: array<f32>;  // [condition]
@group(0) @binding(2) var<storage, read> directions: array<f32>;  // [direction, param, lane]
@group(0) @binding(3) var<storage, read> sums: array<f32>;  // [direction, block, param, lane]
@group(0) @binding(4) var<storage, read_write> means: array<f32>;  // [direction, param, lane]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= run.lanes) { return; }
  let weight_decay = decay[(run.global_lane + run.first_lane + id.x) / run.replicas];
  let blocks = (run.samples + run.block - 1u) / run.block;
  var total = 0.0;
  for (var block = 0u; block < blocks; block += 1u) {
    total += sums[((id.z * blocks + block) * PARAMS + id.y) * run.lanes + id.x];
  }
  let at = (id.z * PARAMS + id.y) * run.lanes + id.x;
  var mean = total / f32(run.samples);
  if (weight_decay != 0.0) { mean += weight_decay * directions[at]; }
  means[at] = mean;
}
