// Peak of a function of one number: eight independent chains in each invocation.
//
//   x_k <- outer f(inner x_k),  32 times a round in all
//
// outer and inner come from a uniform, so nothing folds. The map is a contraction; its fixed point
// checks the result. The slot takes the function: WGSL's own or that of shaders/lib, two further
// multiplications each time.
// twin: none, the fixed point is known. Used by bench/roofline.ts.

override WORKGROUP: u32 = 64u;

struct Run {
  rounds: u32,
  outer: f32,
  inner: f32,
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;  // [lane]

//#slot function
fn measured(x: f32) -> f32 { return exp(x); }
//#end

/// One evaluation of four chains.
fn step(x: vec4f) -> vec4f {
  let y = run.inner * x;
  return run.outer * vec4f(measured(y.x), measured(y.y), measured(y.z), measured(y.w));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= arrayLength(&sums)) { return; }
  var first = 0.5 + 0.1 * vec4f(f32(id.x & 7u)) + vec4f(0.0, 0.025, 0.05, 0.075);
  var second = first + vec4f(0.1);
  for (var i = 0u; i < run.rounds; i += 1u) {
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
