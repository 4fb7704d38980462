// Workgroup barriers: eight a round, with one word exchanged through workgroup memory between two.
//
// Each invocation takes its neighbor's count, adds one and hands it on, so that no barrier can be
// left out: after n exchanges, two barriers each, every count is n.
// twin: none, the count is known. Used by bench/roofline.ts.

override WORKGROUP: u32 = 64u;

struct Run {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;  // [lane]

var<workgroup> counts: array<f32, WORKGROUP>;

/// The neighbor's count and one more.
fn exchange(local: u32) {
  let count = counts[(local + 1u) % WORKGROUP] + 1.0;
  // Everyone has read before anyone writes.
  workgroupBarrier();
  counts[local] = count;
  // Everyone has written before anyone reads.
  workgroupBarrier();
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  counts[local] = 0.0;
  // All counts begin at zero before the first is read.
  workgroupBarrier();
  for (var i = 0u; i < run.rounds; i += 1u) {
    exchange(local);
    exchange(local);
    exchange(local);
    exchange(local);
  }
  if (id.x < arrayLength(&sums)) { sums[id.x] = counts[local]; }
}
