// The point y of an implicit step, y = θ − D G(y), D = diag(η_p), by Newton's method:
//
//   G(y) = (1/B) Σ_{b ∈ batch} ∇l_b(y) + λ y + force,    r(y) = y − θ + D G(y)
//   (1 + D H) δ = −r,   H = (1/B) Σ_b ∇²l_b(y) + λ;      y ← y + δ, δ/2, δ/4, …
//
// Solved: |r| is at most tolerance × |r(θ)|, the explicit step, or δ was solved for and is at most
// tolerance × |y − θ| (where ηH is large, rounding keeps |r| above), up to the rounding of θ. A
// step is halved until |r| falls; after negative curvature, until Φ(y) = Σ (y − θ)²/(2η_p)
// + (1/B) Σ l_b + λ|y|²/2 + force·y falls, of which r/η is the gradient.
// Newton-CG: Nocedal & Wright, Numerical Optimization, 2nd ed. (2006), algorithm 7.1.
// twin: engine/referenceImplicit.ts, by dense elimination
//#import gradient/conjugate_gradients

// Halvings of a Newton step before it is given up.
const HALVINGS: u32 = 20u;
// Rounding of θ, relative: four float32 units.
const ROUNDING: f32 = 0x1p-22;

struct ImplicitPoint {
  loss: f32,      // mean over the minibatch at y
  residual: f32,  // |r|
  moved: f32,     // |y − θ|
  energy: f32,    // Φ
  solved: bool,
}

/// a < b for numbers >= 0; false where a is NaN or infinite, which compilers may assume away.
fn smaller(a: f32, b: f32) -> bool {
  return bitcast<u32>(a) < min(bitcast<u32>(b), 0x7f800000u);
}

/// a < b for any a that is a number.
fn lower(a: f32, b: f32) -> bool {
  return (bitcast<u32>(a) & 0x7fffffffu) < 0x7f800000u && a < b;
}

/// G, loss, |r| and Φ at `point`.
fn implicit_evaluate(
  m: ptr<function, Minibatch>,
  problem: Implicit,
  theta: ptr<function, array<f32, PARAMS>>,
  rate: ptr<function, array<f32, PARAMS>>,
  force: ptr<function, array<f32, PARAMS>>,
  point: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
) -> ImplicitPoint {
  let inverse_batch = 1.0 / f32(problem.batch);
  for (var p = 0u; p < PARAMS; p += 1u) { (*gradient)[p] = 0.0; }
  let loss = batch_gradient(m, problem.batch, point, gradient) * inverse_batch;
  var square = 0.0;
  var distance = 0.0;
  var energy = loss;
  for (var p = 0u; p < PARAMS; p += 1u) {
    let y = (*point)[p];
    let moved = y - (*theta)[p];
    let g = (*gradient)[p] * inverse_batch + problem.weight_decay * y + (*force)[p];
    let r = moved + (*rate)[p] * g;
    (*gradient)[p] = g;
    square += r * r;
    distance += moved * moved;
    energy += 0.5 * weighted(moved, moved, (*rate)[p])
      + (0.5 * problem.weight_decay * y + (*force)[p]) * y;
  }
  return ImplicitPoint(loss, sqrt(square), sqrt(distance), energy, false);
}

/// Moves `point`, at first θ, to y; leaves G(y) in `gradient`. Iteration 0 evaluates at θ. There is
/// one call that evaluates, since compilers write it out wherever it stands.
fn implicit_point(
  m: ptr<function, Minibatch>,
  problem: Implicit,
  theta: ptr<function, array<f32, PARAMS>>,
  rate: ptr<function, array<f32, PARAMS>>,
  force: ptr<function, array<f32, PARAMS>>,
  point: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
) -> ImplicitPoint {
  var size = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) { size += (*theta)[p] * (*theta)[p]; }
  let rounding = ROUNDING * sqrt(size);
  var threshold = 0.0;
  var now = ImplicitPoint(0.0, 0.0, 0.0, 0.0, false);
  var delta = array<f32, PARAMS>();
  var used = array<f32, PARAMS>();
  for (var k = 0u; k <= problem.newton_steps && !now.solved; k += 1u) {
    var step = Direction(false, false, 0.0);
    if (k > 0u) {
      for (var p = 0u; p < PARAMS; p += 1u) {
        used[p] = -((*point)[p] - (*theta)[p] + (*rate)[p] * (*gradient)[p]);
      }
      step = conjugate_gradients(m, problem, threshold, rate, point, &used, &delta);
    }
    let before = now;
    used = *point;
    var share = 1.0;
    var moved = false;
    for (var halving = 0u; halving <= HALVINGS && !moved; halving += 1u) {
      if (halving == HALVINGS) {
        *point = used;  // given up
      } else {
        for (var p = 0u; p < PARAMS; p += 1u) { (*point)[p] = used[p] + share * delta[p]; }
      }
      now = implicit_evaluate(m, problem, theta, rate, force, point, gradient);
      moved = k == 0u || select(
        smaller(now.residual, before.residual),
        lower(now.energy, before.energy),
        step.negative,
      );
      share *= 0.5;
    }
    if (k == 0u) {
      threshold = problem.tolerance * now.residual + rounding;
      // However small the step is, it is taken.
      now.solved = now.residual == 0.0;
    } else {
      let short = step.length <= problem.tolerance * now.moved + rounding;
      now.solved = now.residual <= threshold || (step.solved && short);
    }
    if (!moved) { break; }
  }
  return now;
}
