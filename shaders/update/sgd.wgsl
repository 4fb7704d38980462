// SGD with momentum μ, dampening ν, Nesterov look-ahead; G includes weight decay.
//
//   v' = μ v − (1 − ν) G,   θ' = θ + η v'             (heavy ball)
//   v' = μ v − G,           θ' = θ + η (μ v' − G)     (Nesterov; ν = 0)
//
// The velocity is minus PyTorch's momentum buffer. FDR paper (arXiv 1810.00004), section 2.
// twin: engine/update/sgd.ts

fn update(theta: f32, velocity: ptr<function, f32>, gradient: f32, h: Hyperparameters) -> f32 {
  if (!HAS_VELOCITY) { return theta - h.learning_rate * (1.0 - h.dampening) * gradient; }
  let next = h.momentum * *velocity - (1.0 - h.dampening) * gradient;
  *velocity = next;
  let ahead = select(next, h.momentum * next - gradient, h.nesterov != 0.0);
  return theta + h.learning_rate * ahead;
}
