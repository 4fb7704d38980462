// SGD with momentum μ, dampening ν, Nesterov look-ahead; G includes weight decay.
//
//   v' = μ v − (1 − ν) G,   θ' = θ + η v'             (heavy ball)
//   v' = μ v − G,           θ' = θ + η (μ v' − G)     (Nesterov; ν = 0)
//
// The velocity is minus PyTorch's momentum buffer. FDR paper (arXiv 1810.00004), section 2.
// twin: engine/update/sgd.ts

//#slot hyperparameters
struct Hyperparameters {
  batch_size: f32,
  learning_rate: f32,
  momentum: f32,
  dampening: f32,
  nesterov: f32,
  weight_decay: f32,
  gradient_noise: f32,
}
//#end

// (θ', v'). Without momentum μ = 0 and the velocity is a scratch value.
fn update(theta: f32, velocity: f32, gradient: f32, h: Hyperparameters) -> vec2f {
  let next = h.momentum * velocity - (1.0 - h.dampening) * gradient;
  let ahead = select(next, h.momentum * next - gradient, h.nesterov != 0.0);
  return vec2f(theta + h.learning_rate * ahead, next);
}
