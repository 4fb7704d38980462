// Sums of per-sample scalars (loss, accuracy, v·H v, …) over a block of data, for every replica.
//
//   sums[output, block, lane] = Σ_{i in block} outputs_k(x_i; θ, v, λ)
//
// One invocation takes one block of one lane; the host adds the blocks in float64.
// twin: engine/referenceFullData.ts

const PARAMS: u32 = 2u; //#param
const ROW: u32 = 1u; //#param
const OUTPUTS: u32 = 1u; //#param
// Number of the vector in the state that is the direction v; 0: there is none.
const DIRECTION: u32 = 0u; //#param
const DIRECTIONS: u32 = select(1u, PARAMS, DIRECTION > 0u);
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
@group(0) @binding(2) var<storage, read> decay: array<f32>;  // [condition]
@group(0) @binding(3) var<storage, read> data: array<vec4f>;  // [sample, row]
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;  // [output, block, lane]

//#slot settings
//#end

//#slot outputs
fn outputs(
  sample: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  direction: ptr<function, array<f32, DIRECTIONS>>,
  weight_decay: f32,
) -> array<f32, OUTPUTS> {
  return array<f32, OUTPUTS>((*theta)[0] * data[sample * ROW].x);
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.first_lane + id.x;
  let first = id.y * run.block;
  let last = min(first + run.block, run.samples);
  let weight_decay = decay[(run.global_lane + lane) / run.replicas];
  var theta = array<f32, PARAMS>();
  var direction = array<f32, DIRECTIONS>();
  for (var p = 0u; p < PARAMS; p += 1u) {
    theta[p] = state[p * run.state_lanes + lane];
    if (DIRECTION > 0u) {
      direction[p] = state[(DIRECTION * PARAMS + p) * run.state_lanes + lane];
    }
  }
  //#slot load_settings
  //#end
  var total = array<f32, OUTPUTS>();
  for (var sample = first; sample < last; sample += 1u) {
    //#slot evaluate
    let value = outputs(sample, &theta, &direction, weight_decay);
    //#end
    for (var k = 0u; k < OUTPUTS; k += 1u) { total[k] += value[k]; }
  }
  for (var k = 0u; k < OUTPUTS; k += 1u) {
    sums[(k * groups.y + id.y) * run.lanes + id.x] = total[k];
  }
}
