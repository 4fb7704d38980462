// Kinetic Langevin dynamics of unit mass by UBU; h is the learning rate, τ = h/2, a = γτ:
//
//   U(τ): θ' = θ + (1 − e^(−a)) v/γ + n_θ,  v' = e^(−a) v + n_v   (exact flow without gradient)
//   step: U(h/2), v ← v − h G at that point, U(h/2)
//
// arXiv 2410.19780, algorithm 1; with sampling "symmetric" this is SMS-UBU.
// twin: engine/update/ubu.ts
//#import update/clock
//#import lib/expm1
//#import lib/tanh

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
  friction: f32,
  temperature: f32,
}
//#end

// Of U over half a step.
struct Constants {
  share: f32,
  drift: f32,
  kick: f32,
  along: f32,   // Cov(n_θ, n_v) / √Var n_v
  across: f32,  // √Var(n_θ | n_v)
}

// x − tanh x without cancellation, x >= 0: below 0.3 by its series, next term 1.2e-7 of the sum.
fn excess(x: f32) -> f32 {
  if (x > 0.3) { return x - tanh_accurate(x); }
  let y = x * x;
  var sum = -3.5921e-3;
  sum = sum * y + 8.8632355e-3;
  sum = sum * y - 2.1869489e-2;
  sum = sum * y + 5.3968254e-2;
  sum = sum * y - 0.13333333;
  sum = sum * y + 0.33333333;
  return x * y * sum;
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  let a = 0.5 * h.friction * h.learning_rate;
  let lost = one_minus_exp(a);
  let kick = sqrt(h.temperature * one_minus_exp(2.0 * a));
  let along = h.temperature / h.friction * lost * lost;
  return Constants(
    1.0 - lost,
    lost / h.friction,
    kick,
    along / max(kick, 1e-30),
    sqrt(4.0 * h.temperature * excess(0.5 * a)) / h.friction,
  );
}

fn flow(x: vec4f, xi: vec2f, c: Constants) -> vec4f {
  let theta = x.x + c.drift * x.y + c.along * xi.x + c.across * xi.y;
  return vec4f(theta, c.share * x.y + c.kick * xi.x, 0.0, 0.0);
}

// x = (θ, v)
fn prepare(x: vec4f, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return flow(x, xi, c);
}

fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return flow(vec4f(x.x, x.y - h.learning_rate * gradient, 0.0, 0.0), xi, c);
}
