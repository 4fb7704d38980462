// Linear warm-up: η_t = η (f + (1 − f) t/n) for t < n, then another schedule from t = n on;
// arXiv 1706.02677, section 2.2.
// twin: engine/rate/warmUp.ts

//#slot hyperparameters
struct Hyperparameters {
  warm_up_steps: f32,
  first_factor: f32,
}
//#end

fn warm_up_factor(step: u32, h: Hyperparameters) -> f32 {
  if (step >= u32(h.warm_up_steps)) { return 1.0; }
  return h.first_factor + (1.0 - h.first_factor) * (f32(step) / h.warm_up_steps);
}

// The clock of what follows.
fn after_warm_up(step: u32, h: Hyperparameters) -> u32 {
  return step - min(step, u32(h.warm_up_steps));
}
