// Lane keys, uniform numbers and unbiased indices from threefry words. A draw is a pure function
// of (seed, stream, condition, replica, step, draw): the words of draw pair d at a step are
// threefry2x32(lane key, (step, d)). Indices: Lemire, "Fast random integer generation in an
// interval", ACM TOMACS 29 (2019), algorithm 5. A redraw counts attempts in the upper 8 bits of
// the draw number, so draw numbers stay below 2^24.
// twin: engine/random.ts
//#import lib/threefry2x32

const STREAM_MINIBATCH: u32 = 0u;
const STREAM_GRADIENT_NOISE: u32 = 1u;
const STREAM_INITIAL: u32 = 2u;
const STREAM_ORDER: u32 = 3u;
const STREAM_SAMPLE: u32 = 4u;
const STREAM_THERMAL_NOISE: u32 = 5u;

// Key of one replica's stream; all its draws use it.
fn lane_key(seed: u32, stream: u32, condition: u32, replica: u32) -> vec2u {
  return threefry2x32(vec2u(seed, stream), vec2u(condition, replica));
}

// Uniform on the 2^23 midpoints (k + 1/2) / 2^23, never 0 or 1; exact in f32.
fn uniform_open(word: u32) -> f32 {
  return (f32(word >> 9u) + 0.5) * 0x1p-23;
}

// Upper 32 bits of the 64-bit product, which WGSL has no type for: from 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
  let a_low = a & 0xFFFFu;
  let a_high = a >> 16u;
  let b_low = b & 0xFFFFu;
  let b_high = b >> 16u;
  let cross = a_high * b_low + ((a_low * b_low) >> 16u);
  let middle = a_low * b_high + (cross & 0xFFFFu);
  return a_high * b_high + (cross >> 16u) + (middle >> 16u);
}

// Rejection of `below`, taken with probability range / 2^32.
fn below_again(word: u32, range: u32, key: vec2u, step: u32, draw: u32, component: u32) -> u32 {
  let threshold = (0u - range) % range; // 2^32 mod range
  var candidate = word;
  for (var attempt = 1u; attempt < 256u && candidate * range < threshold; attempt++) {
    let words = threefry2x32(key, vec2u(step, draw | (attempt << 24u)));
    candidate = select(words.x, words.y, component == 1u);
  }
  return multiply_high(candidate, range);
}

// Uniform index in [0, range), range >= 1, from `word` = component 0 or 1 of the pair
// threefry2x32(key, (step, draw)). No modulo bias: a word of the surplus is drawn again.
fn below(word: u32, range: u32, key: vec2u, step: u32, draw: u32, component: u32) -> u32 {
  if (word * range < range) {
    return below_again(word, range, key, step, draw, component);
  }
  return multiply_high(word, range);
}
