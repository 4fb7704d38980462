// Squared length of the full gradient over a group of parameters, for every replica.
//
//   squares[group, lane] = Σ_{p in group} ((1/N) Σ_block sums[block, p, lane] + λ θ_p)²
//
// One invocation takes one group of one lane; the host adds the groups in float64.
// twin: engine/referenceFullData.ts

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
@group(0) @binding(1) var<storage, read> state: array<f32>;  // [θ, kept vectors; param, lane]
@group(0) @binding(2) var<storage, read> decay: array<f32>;  // [condition]
@group(0) @binding(3) var<storage, read> sums: array<f32>;  // [block, param, lane]
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;  // [group, lane]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.first_lane + id.x;
  let weight_decay = decay[(run.global_lane + lane) / run.replicas];
  let blocks = (run.samples + run.block - 1u) / run.block;
  let last = min((id.y + 1u) * GROUP, PARAMS);
  var square = 0.0;
  for (var p = id.y * GROUP; p < last; p += 1u) {
    var total = 0.0;
    for (var block = 0u; block < blocks; block += 1u) {
      total += sums[(block * PARAMS + p) * run.lanes + id.x];
    }
    let gradient = total / f32(run.samples) + weight_decay * state[p * run.state_lanes + lane];
    square += gradient * gradient;
  }
  squares[id.y * run.lanes + id.x] = square;
}
