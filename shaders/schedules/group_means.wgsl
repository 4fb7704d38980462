// Means of θ over groups of replicas that interact, before each step:
//
//   m[p, g] = θ_p(1) + (1/N) Σ_i (θ_p(i) − θ_p(1)) over the N members i of group g,
//   lost[g] = 1 if a member is frozen, else 0
//
// Both stand behind the lanes' words in `state`: m [param, group], then lost [group]. WIDTH
// invocations share the sum of one mean, in an order that depends on N alone. Rounding, relative to
// the spread of θ within the group: at most (N/WIDTH + log2 WIDTH) 2⁻²⁴, and 2⁻²⁴ of |m|.
// twin: engine/referenceGroup.ts

const PARAMS: u32 = 2u; //#param
const WORDS: u32 = 2u; //#param
const GROUP_SIZE: u32 = 4u; //#param
// A power of two.
const WIDTH: u32 = 1u; //#param
const INVOCATIONS: u32 = 64u;

//#slot run
struct Run {
  first_lane: u32,
  last_lane: u32,
  lanes: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;  // [word, lane], m, lost
@group(0) @binding(2) var<storage, read_write> frozen: array<u32>;  // [lane], step + 1, or 0

var<workgroup> partial: array<f32, INVOCATIONS>;

/// 1 if a member of the group that begins at a lane is frozen.
fn lost(first: u32) -> f32 {
  var stopped = 0u;
  for (var i = 0u; i < GROUP_SIZE; i += 1u) { stopped |= frozen[first + i]; }
  return select(0.0, 1.0, stopped != 0u);
}

@compute @workgroup_size(INVOCATIONS)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let groups = (run.last_lane - run.first_lane) / GROUP_SIZE;
  let rows = INVOCATIONS / WIDTH;
  let row = (workgroup.x + workgroup.y * workgroups.x) * rows + local / WIDTH;
  let share = local % WIDTH;
  // No early return: the barriers below are for all.
  let inside = row < PARAMS * groups;
  let p = select(0u, row / groups, inside);
  let first = run.first_lane + select(0u, row % groups, inside) * GROUP_SIZE;
  let members = p * run.lanes + first;
  let origin = state[members];
  var sum = 0.0;
  if (inside) {
    for (var i = share; i < GROUP_SIZE; i += WIDTH) { sum += state[members + i] - origin; }
  }
  partial[local] = sum;
  for (var half = WIDTH / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();  // the shares that are added now are complete
    if (share < half) { partial[local] += partial[local + half]; }
  }
  if (inside && share == 0u) {
    let all = run.lanes / GROUP_SIZE;
    let group = first / GROUP_SIZE;
    let means = WORDS * run.lanes;
    state[means + p * all + group] = origin + partial[local] / f32(GROUP_SIZE);
    if (p == 0u) { state[means + PARAMS * all + group] = lost(first); }
  }
}
