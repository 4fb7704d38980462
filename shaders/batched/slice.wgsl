// What every kernel of the schedule `batched` knows of its replica: a slice of a chunk's lanes is
// worked on together, slot 0 being lane `run.first_lane`.
//
//   replicas  [slot, vector, param]   θ, kept vectors, the point where G is taken
//   scratch   [slot, word]            Σ ∇l, the minibatch's loss, G if kept, values of stages

//#import lib/random

const PARAMS: u32 = 2u; //#param
// Words of a vector of parameters in `replicas` and of G: PARAMS, up to a multiple of 4.
const VECTOR: u32 = 4u; //#param
// Words of a replica in `replicas` and in `scratch`, multiples of 4.
const REPLICA: u32 = 4u; //#param
const SCRATCH: u32 = 8u; //#param
// Where the loss stands in a replica's scratch, behind the sum of gradients.
const LOSS: u32 = VECTOR;

//#slot run
struct Run {
  first_step: u32,
  steps: u32,
  seed: u32,
  first_lane: u32,
  last_lane: u32,
  lanes: u32,
  global_lane: u32,
  replicas: u32,
  first_replica: u32,
  conditions: u32,
  common_noise: u32,
  rebuild: u32,
  observe_first: u32,
  window_first: u32,
  theta_bound: f32,
  loss_bound: f32,
  // Of passes over a data set alone: the block of consecutive samples that all replicas take.
  first_sample: u32,
  batch: u32,
  block: u32,
  samples: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;

//#slot hyperparameters
struct Hyperparameters {
  batch_size: f32,
  learning_rate: f32,
  weight_decay: f32,
}
//#end

/// The condition of a slot's lane.
fn condition_of(slot: u32) -> u32 {
  return (run.global_lane + run.first_lane + slot) / run.replicas;
}

/// Its replica's number, of the whole ensemble.
fn replica_of(slot: u32) -> u32 {
  return run.first_replica + (run.global_lane + run.first_lane + slot) % run.replicas;
}

/// The key of its random numbers in a stream; conditions share them under common noise.
fn slot_key(slot: u32, stream: u32) -> vec2u {
  let condition = select(condition_of(slot), 0u, run.common_noise != 0u);
  return lane_key(run.seed, stream, condition, replica_of(slot));
}
