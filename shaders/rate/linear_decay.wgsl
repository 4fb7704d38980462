// Linear annealing: η_t = η (1 − (1 − f) min(t, n)/n).
// twin: engine/rate/linearDecay.ts

//#slot hyperparameters
struct Hyperparameters {
  anneal_steps: f32,
  final_factor: f32,
}
//#end

fn rate_factor(step: u32, h: Hyperparameters) -> f32 {
  return 1.0 - (1.0 - h.final_factor) * (min(f32(step), h.anneal_steps) / h.anneal_steps);
}
