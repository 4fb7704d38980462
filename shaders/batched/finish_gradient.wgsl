// From the minibatch's sums to G, for observables and for clipping:
//
//   G = (1/B) Σ_b ∇l_b + s ξ + λ θ
//
// Clipping is in two kernels, since all of the mean must be there first: this one leaves λ θ out if
// CLIPS, and batched/clip.wgsl follows.
// twin: engine/referenceReplica.ts
//#import batched/slice
//#import lib/normal

const QUADS: u32 = 8u;
const WORKGROUP: u32 = 64u;
const CLIPS: bool = false; //#param
// Where θ stands at which G was taken, in words of a replica.
const POINT: u32 = 0u; //#param
// Word of scratch where G begins; its sum is at 0.
const GRADIENT: u32 = 0u; //#param

@group(0) @binding(1) var<storage, read> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(0) @binding(2) var<storage, read_write> scratch: array<vec4f>;  // [slot, word / 4]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let slot = workgroup.y;
  let step = run.first_step;
  let h = hyperparameters(condition_of(slot));
  let inverse_batch = 1.0 / h.batch_size;
  let first = workgroup.x * QUADS * WORKGROUP + thread;
  for (var i = 0u; i < QUADS; i += 1u) {
    let quad = first + i * WORKGROUP;
    if (quad >= VECTOR / 4u) { break; }
    var gradient = scratch[slot * (SCRATCH / 4u) + quad] * inverse_batch;
    //#slot noise
    //#end
    if (!CLIPS) {
      gradient += h.weight_decay * replicas[(slot * REPLICA + POINT) / 4u + quad];
    }
    scratch[(slot * SCRATCH + GRADIENT) / 4u + quad] = gradient;
  }
}
