// Gradients of the loss, summed over a block of the data, for every replica.
//
//   sums[block, param, lane] = Σ_{i in block} ∇l_i(θ)
//
// One invocation takes one block of one lane; `full_gradient_square` adds the blocks.
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
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;  // [block, param, lane]

//#slot settings
//#end

//#slot loss_gradient
// Default model: l = ½ Σ_p (θ_p − x)², x the first number of the sample.
fn loss_gradient(
  sample: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
) -> f32 {
  let x = data[sample * ROW].x;
  var loss = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) {
    let residual = (*theta)[p] - x;
    loss += 0.5 * residual * residual;
    (*gradient)[p] += residual;
  }
  return loss;
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.first_lane + id.x;
  let first = id.y * run.block;
  let last = min(first + run.block, run.samples);
  var theta = array<f32, PARAMS>();
  var gradient = array<f32, PARAMS>();
  for (var p = 0u; p < PARAMS; p += 1u) { theta[p] = state[p * run.state_lanes + lane]; }
  //#slot load_settings
  //#end
  for (var sample = first; sample < last; sample += 1u) {
    //#slot evaluate
    _ = loss_gradient(sample, &theta, &gradient);
    //#end
  }
  for (var p = 0u; p < PARAMS; p += 1u) {
    sums[(id.y * PARAMS + p) * run.lanes + id.x] = gradient[p];
  }
}
