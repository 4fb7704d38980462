// Sums over groups of replicas of what each replica counted: grids of `density` and `flux`.
//
//   sums[word, condition, slot] = Σ_{r ≡ slot mod GROUPS} counts[word, lane of (condition, r)]
//
// r counts the ensemble's own replicas from 0; only those in this chunk of lanes are here. One
// invocation takes one sum, in blocks of 64 terms, so that the rounding of n terms is that of
// 64 + n/64. Whole numbers stay exact up to 2²⁴.
// twin: engine/observe/referenceGrid.ts

const GROUPS: u32 = 64u; //#param
override WORKGROUP: u32 = 64u;

//#slot run
struct Run {
  words: u32,
  first_word: u32,
  lanes: u32,
  global_lane: u32,
  replicas: u32,
  first_condition: u32,
  conditions: u32,
  slots: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read> counts: array<f32>;  // [word, lane]
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;  // [word, condition, slot]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let sum = id.x + id.y * groups.x * WORKGROUP;
  if (sum >= run.words * run.conditions * run.slots) { return; }
  let slot = sum % run.slots;
  let condition = run.first_condition + sum / run.slots % run.conditions;
  let row = (run.first_word + sum / (run.slots * run.conditions)) * run.lanes;
  // The chunk's lanes of this condition, as numbers of the ensemble's lanes.
  let first = max(condition * run.replicas, run.global_lane);
  let end = min((condition + 1u) * run.replicas, run.global_lane + run.lanes);
  // The first of them in the slot.
  let phase = (first - condition * run.replicas) % GROUPS;
  var lane = first + (slot + GROUPS - phase) % GROUPS;
  var total = 0.0;
  while (lane < end) {
    var block = 0.0;
    for (var k = 0u; k < 64u && lane < end; k += 1u) {
      block += counts[row + lane - run.global_lane];
      lane += GROUPS;
    }
    total += block;
  }
  sums[sum] = total;
}
