// Sampling law `fullBatch`: all samples at every step, 0, 1, …, N - 1; the run passes batch = N.
// Use: minibatch_open once a dispatch, minibatch_begin once a step, minibatch_sample in any order.
// twin: engine/sampling.ts fullBatch
//#import sampling/size

struct Minibatch {
  unused: u32, // WGSL has no empty structs
}

fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  return Minibatch(0u);
}

fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
}

fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  return b;
}
