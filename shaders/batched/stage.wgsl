// One stage of the schedule `batched`: its statements at one index, for every replica of a slice
// and, where they differ between samples, every sample of its minibatch.
//
// Samples beyond a replica's minibatch are computed as well, as products do: no sum reads them. The
// statements are generated (engine/plan/batched/stageKernel.ts).
// twin: engine/reference.ts, node by node
//#import batched/slice

// Elements of a sample, or of the replica.
const ELEMENTS: u32 = 1u; //#param
// Samples, 1 where the values do not differ between them.
const ROWS: u32 = 8u; //#param
const MAX_BATCH: u32 = 8u; //#param
// vec4f of a row of data.
const ROW: u32 = 1u; //#param
override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read> replicas: array<f32>;  // [slot, vector, param]
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;  // [slot, word]
@group(0) @binding(3) var<storage, read> batch_samples: array<u32>;  // [slot, sample]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]
@group(1) @binding(1) var<storage, read> data: array<f32>;  // [sample, 4 · row]

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

//#slot declarations
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.z * groups.x * WORKGROUP;
  let z = id.y;
  if (index >= ELEMENTS * ROWS) { return; }
  let sample = index / ELEMENTS;
  let element = index % ELEMENTS;
  //#slot statements
  let scratch_at = z * SCRATCH;
  scratch[scratch_at + sample * ELEMENTS + element] = replicas[z * REPLICA];
  //#end
}
