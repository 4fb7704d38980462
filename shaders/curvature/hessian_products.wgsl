// Hessian-vector products of the loss, summed over a block of the data, for every replica.
//
//   sums[direction, block, param, lane] = Σ_{i in block} (∇²l_i(θ)) d
//
// One invocation takes one block of one lane along one direction; `mean_vectors` adds the blocks.
// The product is a derivative of ∇l·d (Pearlmutter, Neural Computation 6, 147 (1994)).
// twin: engine/referenceFullData.ts

const PARAMS: u32 = 2u; //#param
const ROW: u32 = 1u; //#param
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
@group(0) @binding(1) var<storage, read> state: array<f32>;  // [θ, kept vectors; param, lane]
@group(0) @binding(2) var<storage, read> data: array<vec4f>;  // [sample, row]
@group(0) @binding(3) var<storage, read> directions: array<f32>;  // [direction, param, lane]
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;  // [direction, block, param, lane]

//#slot settings
//#end

//#slot hessian_vector
// Default model: l = ½ x Σ_p θ_p², x the first number of the sample.
fn hessian_vector(
  sample: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  direction: ptr<function, array<f32, PARAMS>>,
  product: ptr<function, array<f32, PARAMS>>,
) {
  let x = data[sample * ROW].x;
  for (var p = 0u; p < PARAMS; p += 1u) { (*product)[p] += x * (*direction)[p]; }
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.first_lane + id.x;
  let first = id.y * run.block;
  let last = min(first + run.block, run.samples);
  var theta = array<f32, PARAMS>();
  var direction = array<f32, PARAMS>();
  var product = array<f32, PARAMS>();
  for (var p = 0u; p < PARAMS; p += 1u) {
    theta[p] = state[p * run.state_lanes + lane];
    direction[p] = directions[(id.z * PARAMS + p) * run.lanes + id.x];
  }
  //#slot load_settings
  //#end
  for (var sample = first; sample < last; sample += 1u) {
    //#slot evaluate
    hessian_vector(sample, &theta, &direction, &product);
    //#end
  }
  for (var p = 0u; p < PARAMS; p += 1u) {
    sums[((id.z * groups.y + id.y) * PARAMS + p) * run.lanes + id.x] = product[p];
  }
}
