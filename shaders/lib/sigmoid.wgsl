// Logistic function 1 / (1 + exp(-x)) and softplus log(1 + exp(x)) in float32. Only exp(-|x|)
// occurs, so neither side overflows and small values keep their relative precision: relative
// errors below 4e-7 for x >= -87 (measured in test/gpu/functions.test.ts); both are 0 below
// x = -87.33.
// twin: 1 / (1 + Math.exp(-x)), Math.log1p(Math.exp(x))
//#import lib/exp
//#import lib/log

fn sigmoid_accurate(x: f32) -> f32 {
  let decay = exp_accurate(-abs(x));
  return select(1.0, decay, x < 0.0) / (1.0 + decay);
}

fn softplus_accurate(x: f32) -> f32 {
  return max(x, 0.0) + log1p_unit(exp_accurate(-abs(x)));
}
