// Adam and AMSGrad, decay in the gradient or decoupled:
//
//   m' = β₁ m + (1 − β₁) G,  s' = β₂ s + (1 − β₂) G²,
//   θ' = θ − η (m̂ / (√ŝ + ε) + w θ),  m̂ = m'/(1 − β₁^t), ŝ = s'/(1 − β₂^t), t = step + 1.
//
// arXiv 1412.6980, algorithm 1; AMSGrad: ŝ from the largest s'. 1 − β^t is taken without
// cancellation, or ŝ of the first steps would lose half its digits.
// twin: engine/update/adam.ts
//#import update/clock
//#import lib/expm1
//#import lib/log

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  amsgrad: f32,
  decoupled_decay: f32,
}
//#end

struct Constants {
  first: f32,   // 1 − β₁^t
  second: f32,  // 1 − β₂^t
}

// 1 − β^t, 0 <= β < 1
fn one_minus_power(beta: f32, t: f32) -> f32 {
  return one_minus_exp(-t * log_accurate(max(beta, 1e-30)));
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  let t = f32(clock.step) + 1.0;
  return Constants(one_minus_power(h.beta1, t), one_minus_power(h.beta2, t));
}

// 0 instead of a number that is next to denormal: the moments of a dead unit would else stay
// denormal for ever, which GPUs may flush anyway and processors compute with many times slower.
fn kept(x: f32) -> f32 {
  return select(x, 0.0, abs(x) < 1e-36);
}

// x = (θ, m, s, largest s)
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  let mean = kept(h.beta1 * x.y + (1.0 - h.beta1) * gradient);
  let square = kept(h.beta2 * x.z + (1.0 - h.beta2) * gradient * gradient);
  let largest = max(x.w, square);
  let used = select(square, largest, h.amsgrad != 0.0);
  let scale = sqrt(used / c.second) + h.epsilon;
  let step = mean / c.first / scale + h.decoupled_decay * x.x;
  return vec4f(x.x - h.learning_rate * step, mean, square, largest);
}
