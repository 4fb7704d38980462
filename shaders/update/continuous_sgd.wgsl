// Continuous models of SGD: θ' = θ − τ η G, G with modelled noise of gradient/full_gradient_noise;
// minibatches (noise model 0) take whole steps, τ = 1.
//
// Li, Tai & E, JMLR 20(40) (2019), by Euler–Maruyama.
// twin: engine/update/continuousSgd.ts
//#import update/clock

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
  noise_model: f32,
  time_step: f32,
}
//#end

struct Constants {
  step: f32,  // τ η
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(h.learning_rate * select(h.time_step, 1.0, h.noise_model == 0.0));
}

// x = (θ)
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x - c.step * gradient, 0.0, 0.0, 0.0);
}
