// A power of time: η_t = η (1 + t/n)^−p; Robbins & Monro, Ann. Math. Statist. 22, 400 (1951).
// twin: engine/rate/inverseTimeDecay.ts
//#import lib/exp
//#import lib/log

//#slot hyperparameters
struct Hyperparameters {
  decay_steps: f32,
  power: f32,
}
//#end

fn rate_factor(step: u32, h: Hyperparameters) -> f32 {
  return exp_accurate(-h.power * log_accurate(1.0 + f32(step) / h.decay_steps));
}
