// Random signs for every replica: probes of Hutchinson's trace estimator.
//
//   directions[probe, param, lane] = ±1
//
// Bit p mod 64 of threefry(lane key, (step, probe ⌈PARAMS/64⌉ + ⌊p/64⌋)) says which, probes counted
// from `first_probe`; the words hold bits 0 to 31 and 32 to 63. One invocation takes 64 parameters
// of one probe of one lane.
// twin: engine/curvature/probes.ts
//#import lib/random

const PARAMS: u32 = 2u; //#param
const STREAM_PROBE: u32 = 6u;
// Signs of one pair of words.
const SIGNS: u32 = 64u;
override WORKGROUP: u32 = 64u;

//#slot run
struct Run {
  first_lane: u32,
  lanes: u32,
  global_lane: u32,
  replicas: u32,
  first_replica: u32,
  seed: u32,
  step: u32,
  first_probe: u32,
  common_noise: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> directions: array<f32>;  // [probe, param, lane]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= run.lanes) { return; }
  let lane = run.global_lane + run.first_lane + id.x;
  let condition = select(lane / run.replicas, 0u, run.common_noise == 1u);
  let replica = run.first_replica + lane % run.replicas;
  let key = lane_key(run.seed, STREAM_PROBE, condition, replica);
  let pairs = (PARAMS + SIGNS - 1u) / SIGNS;
  let words = threefry2x32(key, vec2u(run.step, (run.first_probe + id.z) * pairs + id.y));
  let last = min((id.y + 1u) * SIGNS, PARAMS);
  for (var p = id.y * SIGNS; p < last; p += 1u) {
    let word = select(words.x, words.y, (p & 32u) != 0u);
    let bit = (word >> (p & 31u)) & 1u;
    directions[(id.z * PARAMS + p) * run.lanes + id.x] = 1.0 - 2.0 * f32(bit);
  }
}
