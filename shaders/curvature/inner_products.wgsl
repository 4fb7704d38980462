// Inner products of two vectors of every replica, over groups of parameters.
//
//   products[direction, group, lane] = Σ_{p in group} directions[direction, p, lane] means[…]
//
// One invocation takes one group of one lane; the host adds the groups in float64. With `means` the
// products H d these are the quadratic forms d·H d.
// twin: engine/dot.ts

const PARAMS: u32 = 2u; //#param
// Parameters of a group.
const GROUP: u32 = 32u; //#param
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
@group(0) @binding(1) var<storage, read> directions: array<f32>;  // [direction, param, lane]
@group(0) @binding(2) var<storage, read> means: array<f32>;  // [direction, param, lane]
@group(0) @binding(3) var<storage, read_write> products: array<f32>;  // [direction, group, lane]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  if (id.x >= run.lanes) { return; }
  let last = min((id.y + 1u) * GROUP, PARAMS);
  var total = 0.0;
  for (var p = id.y * GROUP; p < last; p += 1u) {
    let at = (id.z * PARAMS + p) * run.lanes + id.x;
    total += directions[at] * means[at];
  }
  products[(id.z * groups.y + id.y) * run.lanes + id.x] = total;
}
