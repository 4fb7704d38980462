// Sampling law `sequential`: the samples in their given order, cut into M = floor(N / m) batches,
// the same in every epoch and replica.
// Use: minibatch_open once a dispatch, minibatch_begin once a step, minibatch_sample in any order.
// twin: engine/sampling.ts sequential
//#import sampling/size

struct Minibatch {
  first: u32,
}

fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  return Minibatch(0u);
}

fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
  (*m).first = (step % (SAMPLES / batch)) * batch;
}

fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  return (*m).first + b;
}
