// Overdamped Langevin dynamics (Euler–Maruyama), with minibatch gradients SGLD:
//
//   θ' = θ − η G + √(2 η T) ξ
//
// Welling & Teh, ICML 2011, eq. 4.
// twin: engine/update/langevin.ts
//#import update/clock

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
  temperature: f32,
}
//#end

struct Constants {
  kick: f32,
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(sqrt(2.0 * h.learning_rate * h.temperature));
}

// x = (θ)
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x + (c.kick * xi.x - h.learning_rate * gradient), 0.0, 0.0, 0.0);
}
