// From the minibatch's sums to G, four parameters in each invocation:
//
//   G = clip((1/B) Σ_b ∇l_b + s ξ) + λ θ
//
// Clipping is in two kernels, since all of the mean must be there first: this one leaves λ θ out if
// CLIPS, and batched/clip.wgsl follows.
// twin: engine/referenceReplica.ts
//#import batched/slice
//#import lib/normal

override WORKGROUP: u32 = 64u;
const CLIPS: bool = false; //#param
// Where θ stands at which G was taken, in words of a replica.
const POINT: u32 = 0u; //#param

@group(0) @binding(1) var<storage, read> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(0) @binding(2) var<storage, read_write> scratch: array<vec4f>;  // [slot, word / 4]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  let slot = id.y;
  if (quad >= VECTOR / 4u) { return; }
  let step = run.first_step;
  let h = hyperparameters(condition_of(slot));
  let inverse_batch = 1.0 / h.batch_size;
  let at = slot * (SCRATCH / 4u) + quad;
  var gradient = scratch[at] * inverse_batch;
  //#slot noise
  //#end
  if (!CLIPS) {
    gradient += h.weight_decay * replicas[(slot * REPLICA + POINT) / 4u + quad];
  }
  scratch[at] = gradient;
}
