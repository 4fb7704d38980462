// SGD with momentum μ, dampening ν, Nesterov look-ahead; G includes weight decay.
//
//   v' = μ v − (1 − ν) G,   θ' = θ + η v'             (heavy ball)
//   v' = μ v − G,           θ' = θ + η (μ v' − G)     (Nesterov; ν = 0)
//
// The velocity is minus PyTorch's momentum buffer. FDR paper (arXiv 1810.00004), section 2.
// twin: engine/update/sgd.ts
//#import update/clock

//#slot hyperparameters
struct Hyperparameters {
  batch_size: f32,
  learning_rate: f32,
  momentum: f32,
  dampening: f32,
  nesterov: f32,
  weight_decay: f32,
  gradient_noise: f32,
  clip_norm: f32,
}
//#end

struct Constants {
  unused: f32,  // WGSL has no empty structs
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(0.0);
}

// x = (θ, v). Without momentum μ = 0 and v is a scratch value.
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  let next = h.momentum * x.y - (1.0 - h.dampening) * gradient;
  let ahead = select(next, h.momentum * next - gradient, h.nesterov != 0.0);
  return vec4f(x.x + h.learning_rate * ahead, next, 0.0, 0.0);
}
