// Clips G to a length and adds the weight decay, one workgroup a replica:
//
//   G ← G min(1, c / |G|) + λ θ
//
// twin: engine/referenceReplica.ts
//#import batched/slice

const WORKGROUP: u32 = 64u;
const POINT: u32 = 0u; //#param
// Word of scratch where G begins.
const GRADIENT: u32 = 0u; //#param

@group(0) @binding(1) var<storage, read> replicas: array<f32>;  // [slot, vector, param]
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;  // [slot, word]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

var<workgroup> squares: array<f32, WORKGROUP>;

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

//#slot limits
fn clip_norm(h: Hyperparameters) -> f32 { return 1.0; }
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) thread: u32) {
  let slot = id.x;
  let h = hyperparameters(condition_of(slot));
  let at = slot * SCRATCH + GRADIENT;
  var square = 0.0;
  for (var p = thread; p < PARAMS; p += WORKGROUP) {
    let g = scratch[at + p];
    square += g * g;
  }
  squares[thread] = square;
  // The squares of all threads are there before any adds them.
  workgroupBarrier();
  var total = 0.0;
  for (var t = 0u; t < WORKGROUP; t += 1u) { total += squares[t]; }
  let most = clip_norm(h);
  let shrink = select(1.0, min(1.0, most / sqrt(max(total, 1e-37))), most > 0.0);
  for (var p = thread; p < PARAMS; p += WORKGROUP) {
    scratch[at + p] = scratch[at + p] * shrink
      + h.weight_decay * replicas[slot * REPLICA + POINT + p];
  }
}
