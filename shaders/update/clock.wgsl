// When a step is taken: what an update rule may know beside its hyperparameters.
// twin: engine/update/updateRule.ts Clock

struct Clock {
  step: u32,     // number of the step, from 0
  batches: u32,  // batches in an epoch, floor(N / B)
}
