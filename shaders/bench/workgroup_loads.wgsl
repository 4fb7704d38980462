// vec4f loads from workgroup memory: eight a round in each invocation.
//
// The table of 8 KiB is filled by the workgroup and walked through as in scalar_loads.wgsl.
// SHARED: all invocations of a workgroup load one address at a time, otherwise each its own.
// twin: none, the sum is known. Used by bench/roofline.ts.

override WORKGROUP: u32 = 64u;
override SHARED: bool = false;
// A power of two.
const ENTRIES: u32 = 512u;
const STRIDE: u32 = 97u;

struct Run {
  rounds: u32,
  value: f32,
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;  // [lane]

var<workgroup> table: array<vec4f, ENTRIES>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) group: vec3u,
) {
  for (var i = local; i < ENTRIES; i += WORKGROUP) { table[i] = vec4f(run.value); }
  // The table is complete before anyone reads it.
  workgroupBarrier();
  // Golden-ratio hash: neighbors begin far apart.
  var at = (select(id.x, group.x, SHARED) * 2654435769u) >> 16u;
  var even = vec4f();
  var odd = vec4f();
  for (var i = 0u; i < run.rounds; i += 1u) {
    even += table[at % ENTRIES];
    odd += table[(at + STRIDE) % ENTRIES];
    even += table[(at + 2u * STRIDE) % ENTRIES];
    odd += table[(at + 3u * STRIDE) % ENTRIES];
    even += table[(at + 4u * STRIDE) % ENTRIES];
    odd += table[(at + 5u * STRIDE) % ENTRIES];
    even += table[(at + 6u * STRIDE) % ENTRIES];
    odd += table[(at + 7u * STRIDE) % ENTRIES];
    at += 8u * STRIDE;
  }
  let all = even + odd;
  if (id.x < arrayLength(&sums)) { sums[id.x] = 0.25 * (all.x + all.y + all.z + all.w); }
}
