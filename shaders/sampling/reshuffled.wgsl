// Sampling law `reshuffled`: one uniform permutation of the samples per epoch, cut into
// M = floor(N / m) consecutive batches. The order is stored and rebuilt when an epoch begins, or
// when the run says so: `rebuild` must be true at the first step after a start, a restore or a
// change of the batch size.
// Use: minibatch_open once a dispatch, minibatch_begin once a step, minibatch_sample in any order.
// twin: engine/sampling.ts reshuffled
//#import sampling/order

struct Minibatch {
  key: vec2u,
  lane: u32,
  lanes: u32,
  first: u32, // position of the batch in the order
}

fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  return Minibatch(lane_key(seed, STREAM_ORDER, condition, replica), lane, lanes, 0u);
}

fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
  let batches = SAMPLES / batch;
  let epoch = step / batches;
  let k = step - epoch * batches;
  if (k == 0u || rebuild) {
    shuffle_order((*m).key, epoch, (*m).lane, (*m).lanes);
  }
  (*m).first = k * batch;
}

fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  return order[((*m).first + b) * (*m).lanes + (*m).lane];
}
