// vec4f loads from a storage buffer: eight a round in each invocation.
//
// Every invocation walks through a table of 64 KiB, as large as a data set, from a place of its
// own, as replicas do; SHARED: all invocations of a workgroup load one address at a time. The table
// holds ones, so the sum is the number of loads.
// twin: none, the sum is known. Used by bench/roofline.ts.

override WORKGROUP: u32 = 64u;
override SHARED: bool = false;
// Odd, so that a walk visits the whole table before it repeats.
const STRIDE: u32 = 97u;

struct Run {
  rounds: u32,
  mask: u32,
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;  // [lane]
@group(0) @binding(2) var<storage, read> table: array<vec4f>;  // [mask + 1], a power of two

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u) {
  if (id.x >= arrayLength(&sums)) { return; }
  // Golden-ratio hash: neighbors begin far apart.
  var at = (select(id.x, group.x, SHARED) * 2654435769u) >> 16u;
  var even = vec4f();
  var odd = vec4f();
  for (var i = 0u; i < run.rounds; i += 1u) {
    even += table[at & run.mask];
    odd += table[(at + STRIDE) & run.mask];
    even += table[(at + 2u * STRIDE) & run.mask];
    odd += table[(at + 3u * STRIDE) & run.mask];
    even += table[(at + 4u * STRIDE) & run.mask];
    odd += table[(at + 5u * STRIDE) & run.mask];
    even += table[(at + 6u * STRIDE) & run.mask];
    odd += table[(at + 7u * STRIDE) & run.mask];
    at += 8u * STRIDE;
  }
  let all = even + odd;
  sums[id.x] = 0.25 * (all.x + all.y + all.z + all.w);
}
