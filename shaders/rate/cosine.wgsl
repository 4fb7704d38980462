// Cosine annealing: η_t = η (f + (1 − f)(1 + cos(π min(t, n)/n))/2); arXiv 1608.03983, eq. 5.
// twin: engine/rate/cosine.ts
//#import lib/trigonometry

//#slot hyperparameters
struct Hyperparameters {
  anneal_steps: f32,
  final_factor: f32,
}
//#end

fn rate_factor(step: u32, h: Hyperparameters) -> f32 {
  let share = min(f32(step), h.anneal_steps) / h.anneal_steps;
  return h.final_factor
    + (1.0 - h.final_factor) * 0.5 * (1.0 + cos_accurate(3.14159265 * share));
}
