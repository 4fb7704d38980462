// Peak of multiply-adds: eight chains in each invocation that do not wait for each other.
//
//   x_k ← a x_k + b,  64 times a round in all
//
// a and b come from a uniform, so nothing folds; the fixed point b / (1 − a) checks the result.
// FUSED asks for fma(), otherwise the compiler may fuse or not, as in generated code.
// twin: none, the fixed point is known. Used by bench/roofline.ts.

override WORKGROUP: u32 = 64u;
override FUSED: bool = false;

struct Run {
  rounds: u32,
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;  // [lane]

/// One multiply-add of four chains.
fn step(x: vec4f) -> vec4f {
  if (FUSED) { return fma(x, vec4f(run.a), vec4f(run.b)); }
  return x * run.a + run.b;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&sums)) { return; }
  var first = vec4f(f32(id.x & 7u)) + vec4f(0.0, 0.25, 0.5, 0.75);
  var second = first + vec4f(1.0);
  for (var i = 0u; i < run.rounds; i += 1u) {
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
    first = step(first);
    second = step(second);
  }
  let all = first + second;
  sums[id.x] = all.x + all.y + all.z + all.w;
}
