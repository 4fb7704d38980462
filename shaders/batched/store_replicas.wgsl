// A slice's θ and kept vectors, from the working copy of `batched` to the chunk's state.
//
// twin: none, words are copied. Its inverse: batched/load_replicas.wgsl
//#import batched/slice

const VECTORS: u32 = 1u; //#param
override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read> replicas: array<f32>;  // [slot, vector, param]
@group(0) @binding(2) var<storage, read_write> state: array<f32>;  // [vector, param, lane]

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= PARAMS) { return; }
  let lane = run.first_lane + id.y;
  for (var vector = 0u; vector < VECTORS; vector += 1u) {
    let word = replicas[id.y * REPLICA + vector * VECTOR + id.x];
    state[(vector * PARAMS + id.x) * run.lanes + lane] = word;
  }
}
