// Sampling law `withReplacement`: every batch is m independent uniform indices.
// Use: minibatch_open once a dispatch, minibatch_begin once a step, then minibatch_sample for
// b = 0, 1, …, batch - 1 in this order.
// twin: engine/sampling.ts withReplacement
//#import lib/random
//#import sampling/size

struct Minibatch {
  key: vec2u,
  step: u32,
  words: vec2u, // draw pair b / 2
}

fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  return Minibatch(lane_key(seed, STREAM_MINIBATCH, condition, replica), 0u, vec2u(0u));
}

fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
  (*m).step = step;
}

fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  let odd = b & 1u;
  if (odd == 0u) {
    (*m).words = threefry2x32((*m).key, vec2u((*m).step, b >> 1u));
  }
  let word = select((*m).words.x, (*m).words.y, odd == 1u);
  return below(word, SAMPLES, (*m).key, (*m).step, b >> 1u, odd);
}
