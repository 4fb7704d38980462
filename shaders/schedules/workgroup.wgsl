// One workgroup owns one replica and takes whole SGD steps (schedule `workgroup`).
//
//   x_t = prepare(θ_t, kept vectors)                       the point where G is taken; mostly θ_t
//   G_t = clip((1/B) Σ_{b ∈ batch_t} ∇l_b + s ξ_t) + λ θ   at x_t
//   (θ_{t+1}, kept vectors) = update(x_t, G_t)
//
// The replica's state stays in workgroup memory. Loss and gradient are computed in levels: the
// threads share a level's elements (units, samples, parameters) and meet at a barrier before the
// next. A sum is one thread's, in a fixed order, or that of PARTS partial sums: no number depends
// on how many threads there are. What observables see, and lanes: as in schedules/thread.wgsl.
// twin: engine/referenceTrajectory.ts

//#import lib/random
//#import lib/normal
//#import sampling/size
//#import update/clock

const PARAMS: u32 = 2u; //#param
const ROW: u32 = 1u; //#param
// Samples of the largest batch, numbers that wait between levels.
const BATCH: u32 = 8u; //#param
const SCRATCH: u32 = 1u; //#param
// |θ|² is tested once in so many steps (the loss at every step): a matter of cost only.
const THETA_CHECK: u32 = 16u;
// Partial sums of a sum over all parameters.
const PARTS: u32 = 32u;
// Threads of a replica.
override WORKGROUP: u32 = 64u;

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
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;  // [θ then kept, param, lane]
@group(0) @binding(2) var<storage, read_write> frozen: array<u32>;  // [lane], step + 1, or 0
@group(1) @binding(0) var<storage, read> data: array<vec4f>;  // [sample, row]
@group(1) @binding(1) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

var<workgroup> theta: array<f32, PARAMS>;
var<workgroup> gradient: array<f32, PARAMS>;
var<workgroup> scratch: array<f32, SCRATCH>;
var<workgroup> batch_samples: array<u32, BATCH>;
var<workgroup> batch_loss: f32;  // Σ_b l_b
var<workgroup> theta_squares: array<f32, PARTS>;
var<workgroup> stopped: u32;

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

//#slot update
struct Hyperparameters { batch_size: f32, learning_rate: f32, weight_decay: f32 }
struct Constants { unused: f32 }
fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(0.0);
}
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x - h.learning_rate * gradient, x.yzw);
}
//#end

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters { return Hyperparameters(1.0, 0.1, 0.0); }
//#end

//#slot memory
//#end
//#slot functions
//#end

//#slot draw_batch
fn draw_batch(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool, thread: u32) {
  if (thread > 0u) { return; }
  minibatch_begin(m, step, batch, rebuild);
  for (var b = 0u; b < batch; b += 1u) { batch_samples[b] = minibatch_sample(m, b); }
}
//#end

//#slot observables
//#end

/// |x| > bound, true for NaN and infinities: an integer comparison, since compilers may assume
/// that NaN does not occur.
fn beyond(x: f32, bound: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > bitcast<u32>(bound);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let lane = run.first_lane + group.x + group.y * groups.x;
  if (lane >= run.last_lane) { return; }
  if (thread == 0u) { stopped = frozen[lane]; }
  if (workgroupUniformLoad(&stopped) != 0u) { return; }
  let condition = (run.global_lane + lane) / run.replicas;
  let replica = run.first_replica + (run.global_lane + lane) % run.replicas;
  let noise_condition = select(condition, 0u, run.common_noise != 0u);
  let fixed = hyperparameters(condition);
  let batch = u32(fixed.batch_size);
  let inverse_batch = 1.0 / fixed.batch_size;

  for (var p = thread; p < PARAMS; p += WORKGROUP) { theta[p] = state[p * run.lanes + lane]; }
  //#slot load_vectors
  //#end
  var minibatch = minibatch_open(run.seed, noise_condition, replica, lane, run.lanes);
  draw_batch(&minibatch, run.first_step, batch, run.rebuild != 0u, thread);
  workgroupBarrier();  // θ and the first batch are there

  //#slot observe_load
  //#end

  // A replica that has left its bounds moves no more, but its threads still meet at the barriers.
  var running = true;
  for (var taken = 0u; taken < run.steps; taken += 1u) {
    let step = run.first_step + taken;
    let clock = Clock(step, max(1u, SAMPLES / batch));
    var h = fixed;
    //#slot rate
    //#end
    let c = constants(h, clock);
    //#slot prepare
    //#end
    if (step % THETA_CHECK == 0u) {
      for (var part = thread; part < PARTS; part += WORKGROUP) {
        var square = 0.0;
        for (var p = part; p < PARAMS; p += PARTS) { square += theta[p] * theta[p]; }
        theta_squares[part] = square;
      }
    }

    //#slot levels
    for (var p = thread; p < PARAMS; p += WORKGROUP) {
      gradient[p] = f32(batch) * theta[p] - data[batch_samples[0] * ROW].x;
    }
    workgroupBarrier();
    //#end
    let loss = batch_loss * inverse_batch;
    var stop = beyond(loss, run.loss_bound);
    if (step % THETA_CHECK == 0u) {
      var square = 0.0;
      for (var part = 0u; part < PARTS; part += 1u) { square += theta_squares[part]; }
      stop = stop || beyond(square, run.theta_bound * run.theta_bound);
    }
    if (running && stop) {
      running = false;
      if (thread == 0u) { frozen[lane] = step + 1u; }
    }

    //#slot finish_gradient
    //#end

    //#slot observe
    //#end

    //#slot apply_update
    for (var p = thread; p < PARAMS && running; p += WORKGROUP) {
      let mean = gradient[p] * inverse_batch + h.weight_decay * theta[p];
      theta[p] = update(vec4f(theta[p], 0.0, 0.0, 0.0), mean, vec2f(), h, c).x;
    }
    //#end
    if (taken + 1u < run.steps) { draw_batch(&minibatch, step + 1u, batch, false, thread); }
    workgroupBarrier();  // θ and the next batch are there
  }

  //#slot observe_store
  //#end
  for (var p = thread; p < PARAMS; p += WORKGROUP) { state[p * run.lanes + lane] = theta[p]; }
  //#slot store_vectors
  //#end
}
