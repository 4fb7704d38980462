// The observables of a step, one invocation a replica: θ_t, v_t, G_t and the minibatch loss
// before the update of step t, by the code that the schedule `thread` runs between two steps.
//
// twin: engine/referenceTrajectory.ts
//#import batched/slice
//#import sampling/size
//#import update/clock

override WORKGROUP: u32 = 16u;

//#slot vectors
struct Vectors {
  theta: array<f32, VECTOR>,
}
//#end
//#slot scratch
struct Scratch {
  gradient: array<f32, VECTOR>,
  loss: f32,
  values: array<f32, SCRATCH - VECTOR - 1u>,
}
//#end

@group(0) @binding(1) var<storage, read> replicas: array<Vectors>;  // [slot]
@group(0) @binding(2) var<storage, read> scratch: array<Scratch>;  // [slot]
@group(0) @binding(3) var<storage, read> frozen: array<u32>;  // [lane]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

//#slot observables
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let slot = id.x;
  let lane = run.first_lane + slot;
  if (lane >= run.last_lane || frozen[lane] != 0u) { return; }
  let step = run.first_step;
  let condition = condition_of(slot);
  let replica = replica_of(slot);
  let fixed = hyperparameters(condition);
  let clock = Clock(step, max(1u, SAMPLES / u32(fixed.batch_size)));
  var h = fixed;
  //#slot rate
  //#end
  let theta = &replicas[slot].theta;
  let loss = scratch[slot].loss;
  //#slot load_vectors
  let gradient = &scratch[slot].gradient;
  //#end
  //#slot observe_load
  //#end
  //#slot observe
  //#end
  //#slot observe_store
  //#end
}
