// Two independent standard normal numbers from the two words of a threefry pair: Box & Muller,
// Ann. Math. Stat. 29 (1958) 610. Two in, two out suits a counter-based generator.
// radius^2 = -2 ln u, u = (word + 1/2) / 2^32; angle = 2 pi word / 2^32, reduced in integers.
// Tail: smallest u = 2^-33, so |z| <= sqrt(66 ln 2) = 6.764; a true normal passes that with
// probability 1.3e-11. Own log, sin and cos: differs from the float64 twin by less than
// 3e-7 radius, so 1e-6 for radius <= 3.3 and 2e-6 in the farthest tail (measured in
// test/gpu/random.test.ts).
// twin: engine/random.ts normalPair
//#import lib/log
//#import lib/trigonometry

// ln((word + 1/2) / 2^32). Near u = 1, where f32 cannot hold u, from 1 - u, which it can.
fn log_uniform(word: u32) -> f32 {
  let near_one = word >= 3037000500u; // 2^32 sqrt(1/2)
  let bits = bitcast<i32>(f32(word) + 0.5);
  let n = (bits - 0x3F3504F3) >> 23u;
  let f = bitcast<f32>(bits - (n << 23u)) - 1.0;
  let complement = (f32(~word) + 0.5) * 0x1p-32;
  return log_parts(select(f, -complement, near_one), select(f32(n) - 32.0, 0.0, near_one));
}

fn normal_pair(words: vec2u) -> vec2f {
  let radius = sqrt(-2.0 * log_uniform(words.x));
  let quarters = (words.y + 0x20000000u) >> 30u;
  let r = f32(bitcast<i32>(words.y - (quarters << 30u))) * 1.46291807927e-9; // 2 pi / 2^32
  return radius * vec2f(sin_quarters(r, quarters + 1u), sin_quarters(r, quarters));
}
