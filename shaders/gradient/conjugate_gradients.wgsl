// The Newton step of an implicit point by conjugate gradients:
//
//   (1 + D H) δ = −r,   D = diag(η_p),   H = (1/B) Σ_{b ∈ batch} ∇²l_b(y) + λ
//
// 1 + D H is self-adjoint in ⟨a, b⟩ = Σ a_p b_p / η_p; components with η_p = 0 stay 0. Stops at the
// residual that is asked for, after cg_steps, or where the curvature is not positive; it then takes
// what it has, −r if that is nothing. Nocedal & Wright, Numerical Optimization (2006), section 7.1.
// twin: engine/referenceImplicit.ts, by dense elimination

//#slot sampling
struct Minibatch {
  first: u32,
}
//#end

//#slot batch_functions
const PARAMS: u32 = 2u;

// Default model: l = ½|θ|².
fn batch_gradient(
  m: ptr<function, Minibatch>,
  batch: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
) -> f32 {
  var loss = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) {
    (*gradient)[p] += f32(batch) * (*theta)[p];
    loss += 0.5 * f32(batch) * (*theta)[p] * (*theta)[p];
  }
  return loss;
}
fn batch_curvature(
  m: ptr<function, Minibatch>,
  batch: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  direction: ptr<function, array<f32, PARAMS>>,
  product: ptr<function, array<f32, PARAMS>>,
) {
  for (var p = 0u; p < PARAMS; p += 1u) { (*product)[p] += f32(batch) * (*direction)[p]; }
}
//#end

// Least relative residual that conjugate gradients are asked for in float32.
const LEAST_RESIDUAL: f32 = 1e-6;

struct Implicit {
  batch: u32,
  weight_decay: f32,
  tolerance: f32,
  newton_steps: u32,
  cg_steps: u32,
}

struct Direction {
  solved: bool,    // to the residual that was asked for
  negative: bool,  // negative curvature was met
  length: f32,     // |δ|
}

/// a b/η, 0 where η is 0.
fn weighted(a: f32, b: f32, rate: f32) -> f32 {
  return select(0.0, a * (b / max(rate, 0x1p-126)), rate > 0.0);
}

/// δ of (1 + D H) δ = −r at `point`; `residual` holds −r and is used up.
fn conjugate_gradients(
  m: ptr<function, Minibatch>,
  problem: Implicit,
  threshold: f32,
  rate: ptr<function, array<f32, PARAMS>>,
  point: ptr<function, array<f32, PARAMS>>,
  residual: ptr<function, array<f32, PARAMS>>,
  delta: ptr<function, array<f32, PARAMS>>,
) -> Direction {
  let inverse_batch = 1.0 / f32(problem.batch);
  var search = *residual;
  var rho = 0.0;
  var square = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) {
    let r = (*residual)[p];
    (*delta)[p] = 0.0;
    rho += weighted(r, r, (*rate)[p]);
    square += r * r;
  }
  let wanted = max(0.5 * threshold, LEAST_RESIDUAL * sqrt(square));
  var result = Direction(false, false, 0.0);
  for (var k = 0u; k < problem.cg_steps && !result.solved; k += 1u) {
    var product = array<f32, PARAMS>();
    batch_curvature(m, problem.batch, point, &search, &product);
    var curvature = 0.0;
    for (var p = 0u; p < PARAMS; p += 1u) {
      let s = search[p];
      let d = (*rate)[p];
      product[p] = s + d * (product[p] * inverse_batch + problem.weight_decay * s);
      curvature += weighted(s, product[p], d);
    }
    if (!(curvature > 0.0)) {
      if (k == 0u) { *delta = *residual; }
      result.negative = true;
      break;
    }
    let share = rho / curvature;
    var next = 0.0;
    square = 0.0;
    for (var p = 0u; p < PARAMS; p += 1u) {
      (*delta)[p] += share * search[p];
      let r = (*residual)[p] - share * product[p];
      (*residual)[p] = r;
      next += weighted(r, r, (*rate)[p]);
      square += r * r;
    }
    result.solved = sqrt(square) <= wanted;
    for (var p = 0u; p < PARAMS; p += 1u) {
      search[p] = (*residual)[p] + (next / rho) * search[p];
    }
    rho = next;
  }
  var length = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) { length += (*delta)[p] * (*delta)[p]; }
  result.length = sqrt(length);
  return result;
}
