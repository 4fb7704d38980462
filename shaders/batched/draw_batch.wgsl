// Minibatches of a slice, one invocation a replica: the same indices as in all schedules.
//
// twin: engine/sampling.ts
//#import batched/slice
//#import sampling/size

override WORKGROUP: u32 = 16u;

@group(0) @binding(1) var<storage, read_write> batch_samples: array<u32>;  // [slot, sample]
@group(0) @binding(2) var<storage, read> frozen: array<u32>;  // [lane]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

//#slot sampling
struct Minibatch { first: u32 }
fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  return Minibatch(seed);
}
fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
  (*m).first = step;
}
fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  return (*m).first + b;
}
//#end

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slot = id.x;
  let lane = run.first_lane + slot;
  if (lane >= run.last_lane || frozen[lane] != 0u) { return; }
  let condition = condition_of(slot);
  let noise_condition = select(condition, 0u, run.common_noise != 0u);
  let batch = u32(hyperparameters(condition).batch_size);
  var minibatch = minibatch_open(run.seed, noise_condition, replica_of(slot), lane, run.lanes);
  minibatch_begin(&minibatch, run.first_step, batch, run.rebuild != 0u);
  for (var b = 0u; b < batch; b += 1u) {
    batch_samples[slot * MAX_BATCH + b] = minibatch_sample(&minibatch, b);
  }
}
