// 1 − e^(−x) for x >= 0 without cancellation: by its series below 1/4, where the next term is
// x^7 / 5040, 1.2e-8 of the sum or less.
// twin: -Math.expm1(-x)
//#import lib/exp

fn one_minus_exp(x: f32) -> f32 {
  if (x > 0.25) { return 1.0 - exp_accurate(-min(x, 80.0)); }
  var sum = 1.0 - x * (1.0 / 6.0);
  sum = 1.0 - x * 0.2 * sum;
  sum = 1.0 - x * 0.25 * sum;
  sum = 1.0 - x * (1.0 / 3.0) * sum;
  sum = 1.0 - x * 0.5 * sum;
  return x * sum;
}
