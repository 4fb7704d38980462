// Kinetic Langevin dynamics of unit mass by BAOAB, begun at its kick; h is the learning rate:
//
//   v₁ = v − h G,  θ₁ = θ + h v₁/2,  v' = e^(−γh) v₁ + √(T (1 − e^(−2γh))) ξ,  θ' = θ₁ + h v'/2
//
// Leimkuhler & Matthews, AMRX 2013, eq. 11.
// twin: engine/update/underdampedLangevin.ts
//#import update/clock
//#import lib/expm1

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
  friction: f32,
  temperature: f32,
}
//#end

struct Constants {
  share: f32,
  kick: f32,
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  let decay = h.friction * h.learning_rate;
  return Constants(1.0 - one_minus_exp(decay), sqrt(h.temperature * one_minus_exp(2.0 * decay)));
}

// x = (θ, v)
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  let kicked = x.y - h.learning_rate * gradient;
  let next = c.share * kicked + c.kick * xi.x;
  return vec4f(x.x + 0.5 * h.learning_rate * (kicked + next), next, 0.0, 0.0);
}
