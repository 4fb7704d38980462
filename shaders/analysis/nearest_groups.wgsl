// The distance from every query to the nearest point of every group of consecutive points.
//
//   minima[group, query] = min_{y in group} |x − y|²
//
// One invocation takes four queries and one group, sixteen points at a time: 64 sums in registers
// for twenty loads a step. Differences are squared, not expanded into norms and a product, so that
// the error is relative to the distance. The search that uses it, and the bound: engine/neighbors/.
// Where subgroups exist, `load_points` loads a point in each lane and broadcasts it.
// twin: engine/neighbors/scaledPoints.ts nearestInGroups

//#slot enable
//#end

// Queries of an invocation and points of a tile: how the code below is written out.
const QUERIES: u32 = 4u;
const TILE: u32 = 16u;
// Above every squared distance: coordinates lie in [−1, 1], those of padding at 10¹⁶.
const FAR: f32 = 3e38;
override WORKGROUP: u32 = 32u;

//#slot run
struct Run {
  first_group: u32,
  first_row: u32,
  tiles: u32,
  chunks: u32,
  points: u32,
  queries: u32,
}
//#end

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read> points: array<vec4f>;  // [four coordinates, point]
@group(0) @binding(2) var<storage, read> queries: array<vec4f>;  // [four coordinates, query]
@group(0) @binding(3) var<storage, read_write> minima: array<f32>;  // [row, query]

// Squares of the differences of four queries and a point, in as many coordinates.
fn squares(a: vec4f, b: vec4f, c: vec4f, d: vec4f, point: vec4f) -> vec4f {
  let e = a - point;
  let f = b - point;
  let g = c - point;
  let h = d - point;
  return vec4f(dot(e, e), dot(f, f), dot(g, g), dot(h, h));
}

// Queries and points fill whole workgroups and groups, so there is no bounds guard, and control
// flow is uniform, as broadcasts want it.
@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) local: u32,
  //#slot lane
  //#end
) {
  let query = workgroup.x * QUERIES * WORKGROUP + local;
  let group = run.first_group + workgroup.y;
  var least = vec4f(FAR);
  for (var tile = 0u; tile < run.tiles; tile += 1u) {
    let first = (group * run.tiles + tile) * TILE;
    var s0 = vec4f();
    var s1 = vec4f();
    var s2 = vec4f();
    var s3 = vec4f();
    var s4 = vec4f();
    var s5 = vec4f();
    var s6 = vec4f();
    var s7 = vec4f();
    var s8 = vec4f();
    var s9 = vec4f();
    var s10 = vec4f();
    var s11 = vec4f();
    var s12 = vec4f();
    var s13 = vec4f();
    var s14 = vec4f();
    var s15 = vec4f();
    for (var chunk = 0u; chunk < run.chunks; chunk += 1u) {
      let x = chunk * run.queries + query;
      let a = queries[x];
      let b = queries[x + WORKGROUP];
      let c = queries[x + 2u * WORKGROUP];
      let d = queries[x + 3u * WORKGROUP];
      let at = chunk * run.points + first;
      //#slot load_points
      let p0 = points[at];
      let p1 = points[at + 1u];
      let p2 = points[at + 2u];
      let p3 = points[at + 3u];
      let p4 = points[at + 4u];
      let p5 = points[at + 5u];
      let p6 = points[at + 6u];
      let p7 = points[at + 7u];
      let p8 = points[at + 8u];
      let p9 = points[at + 9u];
      let p10 = points[at + 10u];
      let p11 = points[at + 11u];
      let p12 = points[at + 12u];
      let p13 = points[at + 13u];
      let p14 = points[at + 14u];
      let p15 = points[at + 15u];
      //#end
      s0 += squares(a, b, c, d, p0);
      s1 += squares(a, b, c, d, p1);
      s2 += squares(a, b, c, d, p2);
      s3 += squares(a, b, c, d, p3);
      s4 += squares(a, b, c, d, p4);
      s5 += squares(a, b, c, d, p5);
      s6 += squares(a, b, c, d, p6);
      s7 += squares(a, b, c, d, p7);
      s8 += squares(a, b, c, d, p8);
      s9 += squares(a, b, c, d, p9);
      s10 += squares(a, b, c, d, p10);
      s11 += squares(a, b, c, d, p11);
      s12 += squares(a, b, c, d, p12);
      s13 += squares(a, b, c, d, p13);
      s14 += squares(a, b, c, d, p14);
      s15 += squares(a, b, c, d, p15);
    }
    least = min(least, min(min(s0, s1), min(s2, s3)));
    least = min(least, min(min(s4, s5), min(s6, s7)));
    least = min(least, min(min(s8, s9), min(s10, s11)));
    least = min(least, min(min(s12, s13), min(s14, s15)));
  }
  let result = (run.first_row + workgroup.y) * run.queries + query;
  minima[result] = least.x;
  minima[result + WORKGROUP] = least.y;
  minima[result + 2u * WORKGROUP] = least.z;
  minima[result + 3u * WORKGROUP] = least.w;
}
