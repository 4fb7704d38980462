// A slice's θ and kept vectors, from the chunk's state to the working copy of `batched`.
//
// An invocation takes four parameters of a lane, neighbors neighboring lanes: words of the state
// are read in their order, words of the copy are written four at once.
// twin: none, words are copied. Its inverse: batched/store_replicas.wgsl
//#import batched/slice

const VECTORS: u32 = 1u; //#param
// Quads of parameters of a vector; the last may hold less than four.
const QUADS: u32 = VECTOR / 4u;
override LANES: u32 = 8u;
override PLACES: u32 = 8u;

@group(0) @binding(1) var<storage, read_write> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(0) @binding(2) var<storage, read> state: array<f32>;  // [vector, param, lane]

@compute @workgroup_size(LANES, PLACES)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let quad = id.y + id.z * groups.y * PLACES;
  let lane = run.first_lane + id.x;
  if (lane >= run.last_lane || quad >= QUADS) { return; }
  for (var vector = 0u; vector < VECTORS; vector += 1u) {
    var words = vec4f();
    for (var i = 0u; i < 4u; i += 1u) {
      let param = 4u * quad + i;
      if (param < PARAMS) { words[i] = state[(vector * PARAMS + param) * run.lanes + lane]; }
    }
    replicas[id.x * (REPLICA / 4u) + vector * QUADS + quad] = words;
  }
}
