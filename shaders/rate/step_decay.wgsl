// A factor every so many steps: η_t = η γ^⌊t/n⌋.
// twin: engine/rate/stepDecay.ts
//#import lib/exp
//#import lib/log

//#slot hyperparameters
struct Hyperparameters {
  drop_every: f32,
  drop_factor: f32,
}
//#end

fn rate_factor(step: u32, h: Hyperparameters) -> f32 {
  let drops = step / u32(h.drop_every);
  return exp_accurate(f32(drops) * log_accurate(h.drop_factor));
}
