// One invocation owns one replica and takes whole SGD steps (schedule `thread`).
//
//   x_t = prepare(θ_t, kept vectors)                       the point where G is taken; mostly θ_t
//   G_t = clip((1/B) Σ_{b ∈ batch_t} ∇l_b + s ξ_t) + λ θ   at x_t
//   (θ_{t+1}, kept vectors) = update(x_t, G_t)
//
// Parameters on spheres: G_t is its tangential part, and θ_{t+1} is brought back to the radius.
// Observables see θ_t, v_t, G_t and the minibatch loss before the update of step t.
// Lanes are condition-major: lane = condition · replicas + replica. A dispatch covers a range of
// the lanes of one chunk; nothing a lane computes depends on which.
// twin: engine/referenceTrajectory.ts

//#import lib/random
//#import lib/normal
//#import sampling/size
//#import update/clock

const PARAMS: u32 = 2u; //#param
const ROW: u32 = 1u; //#param
// |θ|² is tested once in so many steps (the loss at every step): a matter of cost only.
const THETA_CHECK: u32 = 16u;
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
struct Hyperparameters {
  batch_size: f32,
  learning_rate: f32,
  weight_decay: f32,
}
struct Constants {
  unused: f32,
}
fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(0.0);
}
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x - h.learning_rate * gradient, x.yzw);
}
//#end

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

//#slot loss_gradient
// Default model: l = ½ Σ_p (θ_p − x)², x the first number of the sample.
fn loss_gradient(
  sample: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
) -> f32 {
  let x = data[sample * ROW].x;
  var loss = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) {
    let residual = (*theta)[p] - x;
    loss += 0.5 * residual * residual;
    (*gradient)[p] += residual;
  }
  return loss;
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
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let lane = run.first_lane + id.x + id.y * groups.x * WORKGROUP;
  if (lane >= run.last_lane || frozen[lane] != 0u) { return; }
  let condition = (run.global_lane + lane) / run.replicas;
  let replica = run.first_replica + (run.global_lane + lane) % run.replicas;
  let noise_condition = select(condition, 0u, run.common_noise != 0u);
  let fixed = hyperparameters(condition);
  let batch = u32(fixed.batch_size);
  let inverse_batch = 1.0 / fixed.batch_size;

  var theta = array<f32, PARAMS>();
  for (var p = 0u; p < PARAMS; p += 1u) { theta[p] = state[p * run.lanes + lane]; }
  //#slot load_vectors
  //#end
  var minibatch = minibatch_open(run.seed, noise_condition, replica, lane, run.lanes);

  //#slot observe_load
  //#end

  for (var s = 0u; s < run.steps; s += 1u) {
    let step = run.first_step + s;
    let clock = Clock(step, max(1u, SAMPLES / batch));
    var h = fixed;
    //#slot rate
    //#end
    let c = constants(h, clock);
    minibatch_begin(&minibatch, step, batch, run.rebuild != 0u && s == 0u);
    //#slot prepare
    //#end
    var gradient = array<f32, PARAMS>();
    var loss = 0.0;
    //#slot minibatch_gradient
    for (var b = 0u; b < batch; b += 1u) {
      loss += loss_gradient(minibatch_sample(&minibatch, b), &theta, &gradient);
    }
    loss *= inverse_batch;
    //#end

    var stop = beyond(loss, run.loss_bound);
    if (step % THETA_CHECK == 0u) {
      var square = 0.0;
      for (var p = 0u; p < PARAMS; p += 1u) { square += theta[p] * theta[p]; }
      stop = stop || beyond(square, run.theta_bound * run.theta_bound);
    }
    if (stop) {
      frozen[lane] = step + 1u;
      break;
    }

    //#slot finish_gradient
    for (var p = 0u; p < PARAMS; p += 1u) {
      gradient[p] = gradient[p] * inverse_batch + h.weight_decay * theta[p];
    }
    //#end

    //#slot observe
    //#end

    //#slot apply_update
    for (var p = 0u; p < PARAMS; p += 1u) {
      theta[p] = update(vec4f(theta[p], 0.0, 0.0, 0.0), gradient[p], vec2f(), h, c).x;
    }
    //#end
  }

  //#slot observe_store
  //#end
  for (var p = 0u; p < PARAMS; p += 1u) { state[p * run.lanes + lane] = theta[p]; }
  //#slot store_vectors
  //#end
}
