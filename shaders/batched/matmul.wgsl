// A batch of matrix products, C[z] = A[z] B[z], each invocation a tile of C in registers.
//
//   C[z, m, n] = Σ_k A[z, m, k] B[z, k, n],   k in ascending order
//
// An invocation keeps ROWS x COLUMNS sums and loads, four k at a time, what they need of A and B.
// Neighboring invocations take neighboring columns. The lines of the tile are generated
// (engine/plan/batched/registerTile.ts); operands and what becomes of a sum are functions of the
// caller. Where subgroups exist, their lanes can share the loads of A.
// twin: three loops in float64, test/gpu/matmul.test.ts

const M: u32 = 4u; //#param
const N: u32 = 4u; //#param
/// Rows and columns of an invocation's tile.
const ROWS: u32 = 1u; //#param
const COLUMNS: u32 = 4u; //#param
/// Invocations of a workgroup along n, m and z.
const ALONG_N: u32 = 8u; //#param
const ALONG_M: u32 = 8u; //#param
const ALONG_Z: u32 = 1u; //#param
/// Steps of k that are loaded together.
const STRIDE: u32 = 4u; //#param

//#slot bindings
@group(0) @binding(0) var<storage, read> a: array<f32>; // [z, m, k]
@group(0) @binding(1) var<storage, read> b: array<f32>; // [z, k, n]
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // [z, m, n]
//#end

//#slot functions
fn a_line(z: u32, m: u32) -> u32 {
  return (z * M + m) * 4u;
}

fn a_one(line: u32, k: u32) -> f32 {
  return a[line + k];
}

fn b_line(z: u32, k: u32) -> u32 {
  return (z * 4u + k) * N;
}

fn b_one(line: u32, n: u32) -> f32 {
  return b[line + n];
}

fn store(z: u32, m: u32, n: u32, sum: vec4f, count: u32) {
  for (var i = 0u; i < count; i += 1u) {
    c[(z * M + m) * N + n + i] = sum[i];
  }
}
//#end

@compute @workgroup_size(ALONG_N, ALONG_M, ALONG_Z)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  //#slot lane
  //#end
) {
  //#slot place
  let z = workgroup.z * ALONG_Z + local.z;
  let m = (workgroup.y * ALONG_M + local.y) * ROWS;
  let n = workgroup.x * ALONG_N * COLUMNS + 4u * local.x;
  //#end
  //#slot depth
  let depth = 4u;
  //#end
  // Where the tile's rows and columns begin, and its sums.
  //#slot begin
  if (m >= M || n >= N) {
    return;
  }
  let a0 = a_line(z, m);
  var s0_0 = vec4f();
  //#end
  var k = 0u;
  for (; k + STRIDE <= depth; k += STRIDE) {
    //#slot multiply
    for (var i = k; i < k + STRIDE; i += 1u) {
      let line = b_line(z, i);
      s0_0 += a_one(a0, i) * vec4f(
        b_one(line, n), b_one(line, n + 1u), b_one(line, n + 2u), b_one(line, n + 3u));
    }
    //#end
  }
  //#slot rest
  //#end
  //#slot store
  store(z, m, n, s0_0, 4u);
  //#end
}
