// Sums of per-sample scalars (loss, accuracy, …) over a block of the data, for every replica.
//
//   sums[output, block, lane] = Σ_{i in block} outputs_k(x_i; θ)
//
// One invocation takes one block of one lane; the host adds the blocks in float64.
// twin: engine/reference.ts evaluate

const PARAMS: u32 = 2u; //#param
const ROW: u32 = 1u; //#param
const OUTPUTS: u32 = 1u; //#param
override WORKGROUP: u32 = 64u;

//#slot run
struct Run {
  first_lane: u32,
  lanes: u32,
  state_lanes: u32,
  samples: u32,
  block: u32,
  global_lane: u32,
  replicas: u32,
  conditions: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read> state: array<f32>;  // [θ, v; param, lane]
@group(0) @binding(2) var<storage, read> data: array<vec4f>;  // [sample, row]
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;  // [output, block, lane]

//#slot settings
//#end

//#slot outputs
fn outputs(sample: u32, theta: ptr<function, array<f32, PARAMS>>) -> array<f32, OUTPUTS> {
  return array<f32, OUTPUTS>((*theta)[0] * data[sample * ROW].x);
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.first_lane + id.x;
  let first = id.y * run.block;
  let last = min(first + run.block, run.samples);
  var theta = array<f32, PARAMS>();
  for (var p = 0u; p < PARAMS; p += 1u) { theta[p] = state[p * run.state_lanes + lane]; }
  //#slot load_settings
  //#end
  var total = array<f32, OUTPUTS>();
  for (var sample = first; sample < last; sample += 1u) {
    //#slot evaluate
    let value = outputs(sample, &theta);
    //#end
    for (var k = 0u; k < OUTPUTS; k += 1u) { total[k] += value[k]; }
  }
  for (var k = 0u; k < OUTPUTS; k += 1u) {
    sums[(k * groups.y + id.y) * run.lanes + id.x] = total[k];
  }
}
