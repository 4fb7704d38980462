// Sampling law `distinct`: every batch is a uniformly distributed set of m distinct indices, fresh
// at each step. Floyd's algorithm (Bentley & Floyd, "A sample of brilliance", CACM 30 (1987) 754):
// for j = N - m, …, N - 1 take t uniform on [0, j], or j if t was taken before. The set is
// uniform; the order within the batch is not.
// Use: minibatch_open once a dispatch, minibatch_begin once a step, then minibatch_sample for
// b = 0, 1, …, batch - 1 in this order, each once.
// twin: engine/sampling.ts distinct
//#import lib/random
//#import sampling/size

struct Minibatch {
  key: vec2u,
  step: u32,
  batch: u32,
  words: vec2u, // draw pair b / 2
  chosen: array<u32, MAX_BATCH>,
}

fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  let key = lane_key(seed, STREAM_MINIBATCH, condition, replica);
  return Minibatch(key, 0u, 0u, vec2u(0u), array<u32, MAX_BATCH>());
}

fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
  (*m).step = step;
  (*m).batch = batch;
}

fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  let odd = b & 1u;
  if (odd == 0u) {
    (*m).words = threefry2x32((*m).key, vec2u((*m).step, b >> 1u));
  }
  let word = select((*m).words.x, (*m).words.y, odd == 1u);
  let last = SAMPLES - (*m).batch + b;
  let index = below(word, last + 1u, (*m).key, (*m).step, b >> 1u, odd);
  var taken = false;
  for (var i = 0u; i < b; i++) {
    taken = taken || (*m).chosen[i] == index;
  }
  let sample = select(index, last, taken);
  (*m).chosen[b] = sample;
  return sample;
}
