// e^x − 1 for either sign without cancellation, relative error below 5e-7 (measured in
// test/gpu/functions.test.ts): by its series for abs(x) <= 1/4 (the next term is x^7 / 5040, 1e-8
// of the sum or less); beyond, the difference loses less than 3 bits. Range: that of exp_accurate.
// twin: Math.expm1
//#import lib/exp

fn exp_minus_one(x: f32) -> f32 {
  if (abs(x) > 0.25) { return exp_accurate(x) - 1.0; }
  var sum = 1.0 + x * (1.0 / 6.0);
  sum = 1.0 + x * 0.2 * sum;
  sum = 1.0 + x * 0.25 * sum;
  sum = 1.0 + x * (1.0 / 3.0) * sum;
  sum = 1.0 + x * 0.5 * sum;
  return x * sum;
}
