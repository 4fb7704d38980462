// Ends the gradient of a step: the minibatch's mean loss, and replicas that leave their bounds. One
// workgroup a replica.
//
// |x| > bound is tested on the bits: compilers may assume that NaN does not occur.
// twin: engine/referenceTrajectory.ts
//#import batched/slice

// |θ|² is tested once in so many steps (the loss at every step): a matter of cost only.
const THETA_CHECK: u32 = 16u;
const WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read> replicas: array<f32>;  // [slot, vector, param]
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;  // [slot, word]
@group(0) @binding(3) var<storage, read_write> frozen: array<u32>;  // [lane], step + 1, or 0
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

var<workgroup> squares: array<f32, WORKGROUP>;

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

fn beyond(x: f32, bound: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > bitcast<u32>(bound);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let slot = id.x;
  let step = run.first_step;
  let checks = step % THETA_CHECK == 0u;
  if (checks) {
    var square = 0.0;
    for (var p = thread; p < PARAMS; p += WORKGROUP) {
      let x = replicas[slot * REPLICA + p];
      square += x * x;
    }
    squares[thread] = square;
  }
  // The squares of all threads are there before the first adds them.
  workgroupBarrier();
  if (thread > 0u) { return; }
  let lane = run.first_lane + slot;
  let at = slot * SCRATCH + LOSS;
  let loss = scratch[at] / hyperparameters(condition_of(slot)).batch_size;
  scratch[at] = loss;
  var stop = beyond(loss, run.loss_bound);
  if (checks) {
    var square = 0.0;
    for (var t = 0u; t < WORKGROUP; t += 1u) { square += squares[t]; }
    stop = stop || beyond(square, run.theta_bound * run.theta_bound);
  }
  if (stop && frozen[lane] == 0u) { frozen[lane] = step + 1u; }
}
