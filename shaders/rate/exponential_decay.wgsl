// The same share at every step: η_t = η γ^(t/n).
// twin: engine/rate/exponentialDecay.ts
//#import lib/exp
//#import lib/log

//#slot hyperparameters
struct Hyperparameters {
  decay_steps: f32,
  decay_factor: f32,
}
//#end

fn rate_factor(step: u32, h: Hyperparameters) -> f32 {
  return exp_accurate((f32(step) / h.decay_steps) * log_accurate(h.decay_factor));
}
