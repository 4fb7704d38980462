// SGWORLD with the noise of an epoch of M batches in two halves, before and after it:
//
//   θ ← θ + √(η M T) ξ before the first gradient,  θ' = θ − η G,  θ ← θ + √(η M T) ξ after the last
//
// arXiv 2306.03521; with noise at every step the rule is `langevin` with reshuffled batches.
// twin: engine/update/sgworld.ts
//#import update/clock

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
  temperature: f32,
}
//#end

struct Constants {
  before: f32,
  after: f32,
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  let half = sqrt(h.learning_rate * f32(clock.batches) * h.temperature);
  let place = clock.step % clock.batches;
  return Constants(select(0.0, half, place == 0u), select(0.0, half, place == clock.batches - 1u));
}

// x = (θ)
fn prepare(x: vec4f, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x + c.before * xi.x, 0.0, 0.0, 0.0);
}

fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x + (c.after * xi.x - h.learning_rate * gradient), 0.0, 0.0, 0.0);
}
