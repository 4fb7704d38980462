// The update rule on four neighboring parameters of a replica:
//
//   G = (1/B) Σ_b ∇l_b + s ξ + λ θ,   (θ', kept vectors) = update(x, G)
//
// with x = (θ, kept vectors), or what `prepare` made of them. Where G is clipped it has been
// finished by other kernels and is given instead of the sum.
// twin: engine/update/referenceStep.ts
//#import batched/slice
//#import lib/normal
//#import sampling/size
//#import update/clock

@group(0) @binding(1) var<storage, read_write> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

//#slot update
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

/// What all parameters of a replica share in a step.
struct Setting {
  h: Hyperparameters,
  c: Constants,
  clock: Clock,
  inverse_batch: f32,
}

fn step_setting(slot: u32) -> Setting {
  let fixed = hyperparameters(condition_of(slot));
  let clock = Clock(run.first_step, max(1u, SAMPLES / u32(fixed.batch_size)));
  var h = fixed;
  //#slot rate
  //#end
  return Setting(h, constants(h, clock), clock, 1.0 / fixed.batch_size);
}

/// Parameters 4 quad … 4 quad + 3 of a slot's replica, from the sum of their gradients.
fn step_quad(slot: u32, quad: u32, sum: vec4f, setting: Setting) {
  let step = run.first_step;
  let h = setting.h;
  let c = setting.c;
  let at = slot * (REPLICA / 4u) + quad;
  //#slot step
  let theta = replicas[at];
  let gradient = sum * setting.inverse_batch + h.weight_decay * theta;
  replicas[at] = vec4f(
    update(vec4f(theta.x, 0.0, 0.0, 0.0), gradient.x, vec2f(), h, c).x,
    update(vec4f(theta.y, 0.0, 0.0, 0.0), gradient.y, vec2f(), h, c).x,
    update(vec4f(theta.z, 0.0, 0.0, 0.0), gradient.z, vec2f(), h, c).x,
    update(vec4f(theta.w, 0.0, 0.0, 0.0), gradient.w, vec2f(), h, c).x,
  );
  //#end
}
