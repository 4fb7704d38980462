// A batch of matrix products, C[z] = A[z] B[z], with tiles of both operands in workgroup memory.
//
//   C[z, m, n] = Σ_k A[z, m, k] B[z, k, n],   k in ascending order
//
// What batched/matmul.wgsl loads in every invocation the workgroup loads once, DEPTH steps of k
// at a time; an invocation then reads its rows and columns from there. For GPUs; where barriers
// are dear and workgroup memory is no nearer than any other (drivers that run on the CPU), it gains
// nothing.
// The lines of the tile are generated (engine/plan/batched/workgroupTile.ts).
// twin: three loops in float64, test/gpu/matmul.test.ts

const M: u32 = 4u; //#param
const N: u32 = 4u; //#param
/// Rows and columns of an invocation's tile.
const ROWS: u32 = 4u; //#param
const COLUMNS: u32 = 4u; //#param
/// Invocations of a workgroup along n and m.
const ALONG_N: u32 = 8u; //#param
const ALONG_M: u32 = 8u; //#param
/// Steps of k in workgroup memory.
const DEPTH: u32 = 16u; //#param

const INVOCATIONS = ALONG_N * ALONG_M;
/// Fours of a workgroup's rows and columns.
const ROW_FOURS = ALONG_M * ROWS / 4u;
const COLUMN_FOURS = ALONG_N * COLUMNS / 4u;

//#slot bindings
@group(0) @binding(0) var<storage, read> a: array<f32>; // [z, m, k]
@group(0) @binding(1) var<storage, read> b: array<f32>; // [z, k, n]
@group(0) @binding(2) var<storage, read_write> c: array<f32>; // [z, m, n]
//#end

var<workgroup> a_tile: array<vec4f, DEPTH * ROW_FOURS>; // [k, m / 4]
var<workgroup> b_tile: array<vec4f, DEPTH * COLUMN_FOURS>; // [k, n / 4]

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

@compute @workgroup_size(ALONG_N, ALONG_M)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_id) local: vec3u,
  @builtin(local_invocation_index) invocation: u32,
) {
  //#slot place
  let z = workgroup.z;
  //#end
  let first_m = workgroup.y * 4u * ROW_FOURS;
  let first_n = workgroup.x * 4u * COLUMN_FOURS;
  let m = first_m + local.y * ROWS;
  let n = first_n + local.x * 4u;
  //#slot depth
  let depth = 4u;
  //#end
  //#slot begin
  var s0_0 = vec4f();
  //#end
  for (var first = 0u; first < depth; first += DEPTH) {
    // Everybody has used the last tiles.
    workgroupBarrier();
    //#slot fill
    a_tile[invocation] = vec4f();
    b_tile[invocation] = vec4f();
    //#end
    // Both tiles are whole; beyond the last k they hold zeros.
    workgroupBarrier();
    for (var t = 0u; t < DEPTH; t += 1u) {
      //#slot multiply
      s0_0 += a_tile[t * ROW_FOURS + local.y].x * b_tile[t * COLUMN_FOURS + local.x];
      //#end
    }
  }
  //#slot store
  store(z, m, n, s0_0, 4u);
  //#end
}
