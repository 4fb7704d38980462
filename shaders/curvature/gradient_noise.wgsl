// Scatter of the samples' gradients about their mean over a block of the data, for every replica.
//
//   sums[0, block, lane]  = Σ_{i in block} |g_i − ḡ|²
//   sums[1 + k(k+1)/2 + l, block, lane] = Σ_{i in block} u_k·(g_i − ḡ) u_l·(g_i − ḡ),  l ≤ k
//
// g_i = ∇l_i(θ), ḡ their mean, u_k given directions. Differences are taken before squares, so that
// nothing cancels. One invocation takes one block of one lane; the host adds the blocks in float64.
// twin: engine/curvature/referenceGradientNoise.ts

const PARAMS: u32 = 2u; //#param
const ROW: u32 = 1u; //#param
// Directions u_k; 0: there are none.
const DIRECTIONS: u32 = 0u; //#param
const SLOTS: u32 = max(DIRECTIONS, 1u);
const OUTPUTS: u32 = 1u + DIRECTIONS * (DIRECTIONS + 1u) / 2u;
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
@group(0) @binding(3) var<storage, read> means: array<f32>;  // ḡ, [param, lane]
@group(0) @binding(4) var<storage, read> directions: array<f32>;  // [direction, param, lane]
@group(0) @binding(6) var<storage, read_write> sums: array<f32>;  // [output, block, lane]

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
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.first_lane + id.x;
  let first = id.y * run.block;
  let last = min(first + run.block, run.samples);
  var theta = array<f32, PARAMS>();
  var mean = array<f32, PARAMS>();
  for (var p = 0u; p < PARAMS; p += 1u) {
    theta[p] = state[p * run.state_lanes + lane];
    mean[p] = means[p * run.lanes + id.x];
  }
  //#slot load_settings
  //#end
  var total = array<f32, OUTPUTS>();
  for (var sample = first; sample < last; sample += 1u) {
    var gradient = array<f32, PARAMS>();
    //#slot evaluate
    _ = loss_gradient(sample, &theta, &gradient);
    //#end
    var along = array<f32, SLOTS>();
    var square = 0.0;
    for (var p = 0u; p < PARAMS; p += 1u) {
      let deviation = gradient[p] - mean[p];
      square += deviation * deviation;
      for (var k = 0u; k < DIRECTIONS; k += 1u) {
        along[k] += directions[(k * PARAMS + p) * run.lanes + id.x] * deviation;
      }
    }
    total[0] += square;
    var output = 1u;
    for (var k = 0u; k < DIRECTIONS; k += 1u) {
      for (var l = 0u; l <= k; l += 1u) {
        total[output] += along[k] * along[l];
        output += 1u;
      }
    }
  }
  for (var k = 0u; k < OUTPUTS; k += 1u) {
    sums[(k * groups.y + id.y) * run.lanes + id.x] = total[k];
  }
}
