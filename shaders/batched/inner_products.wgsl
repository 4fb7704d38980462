// Inner products of a replica's vectors, up to four at once: a workgroup adds those of its quads,
// the host what the workgroups have, in float64.
//
// twin: engine/dot.ts
//#import batched/slice

const QUADS: u32 = 8u;
const WORKGROUP: u32 = 64u;
// Word of a replica's vectors where the direction begins.
const DIRECTION: u32 = 0u; //#param

@group(0) @binding(1) var<storage, read> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(0) @binding(2) var<storage, read> totals: array<vec4f>;  // [slot, param / 4]
@group(0) @binding(3) var<storage, read_write> products: array<vec4f>;  // [slot, workgroup]

var<workgroup> parts: array<vec4f, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let slot = workgroup.y;
  let first = workgroup.x * QUADS * WORKGROUP + thread;
  var part = vec4f();
  for (var i = 0u; i < QUADS; i += 1u) {
    let quad = first + i * WORKGROUP;
    if (quad >= VECTOR / 4u) { break; }
    let theta_at = slot * (REPLICA / 4u) + quad;
    let direction_at = theta_at + DIRECTION / 4u;
    let total_at = slot * (VECTOR / 4u) + quad;
    //#slot products
    part.x += dot(replicas[theta_at], replicas[direction_at]);
    part.y += dot(totals[total_at], totals[total_at]);
    //#end
  }
  parts[thread] = part;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    // Both halves are there before they are added.
    workgroupBarrier();
    if (thread < half) { parts[thread] += parts[thread + half]; }
  }
  if (thread == 0u) { products[slot * workgroups.x + workgroup.x] = parts[0]; }
}
