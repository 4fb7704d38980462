// The gradient of the whole data set, and how single samples scatter about it:
//
//   ḡ = (1/N) Σ_i g_i,   C1 = (1/N) Σ_i (g_i − ḡ)(g_i − ḡ)ᵀ
//   full:  spread = N^{-1/2} Σ_i ξ_i (g_i − ḡ),  ξ_i ~ N(0, 1): Gaussian with covariance C1 exactly
//   else:  spread_p = √C1_pp
//
// One pass: sums are of g_i − g_0, so that a common gradient does not cancel in float32.
// twin: engine/referenceGradient.ts
//#import lib/random
//#import lib/normal
//#import sampling/size

//#slot sample_gradient
const PARAMS: u32 = 2u;

// Default model: l = ½|θ|² of every sample.
fn sample_gradient(
  sample: u32,
  theta: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
) -> f32 {
  var loss = 0.0;
  for (var p = 0u; p < PARAMS; p += 1u) {
    (*gradient)[p] += (*theta)[p];
    loss += 0.5 * (*theta)[p] * (*theta)[p];
  }
  return loss;
}
//#end

/// Returns the mean loss, writes ḡ to `gradient` and the spread; both arrays come as zeros.
fn full_gradient_noise(
  key: vec2u,
  step: u32,
  full: bool,
  theta: ptr<function, array<f32, PARAMS>>,
  gradient: ptr<function, array<f32, PARAMS>>,
  spread: ptr<function, array<f32, PARAMS>>,
) -> f32 {
  let inverse = 1.0 / f32(SAMPLES);
  var pilot = array<f32, PARAMS>();
  var loss = sample_gradient(0u, theta, &pilot);
  var pair = normal_pair(threefry2x32(key, vec2u(step, 0u)));
  var total = pair.x;
  for (var i = 1u; i < SAMPLES; i += 1u) {
    var sample = array<f32, PARAMS>();
    loss += sample_gradient(i, theta, &sample);
    let odd = (i & 1u) == 1u;
    if (full && !odd) { pair = normal_pair(threefry2x32(key, vec2u(step, i >> 1u))); }
    let xi = select(pair.x, pair.y, odd);
    total += xi;
    //#slot accumulate_sample
    for (var p = 0u; p < PARAMS; p += 1u) {
      let off = sample[p] - pilot[p];
      (*gradient)[p] += off;
      (*spread)[p] += off * select(off, xi, full);
    }
    //#end
  }
  let root = sqrt(inverse);
  //#slot finish_spread
  for (var p = 0u; p < PARAMS; p += 1u) {
    let mean = (*gradient)[p] * inverse;
    let variance = max(0.0, (*spread)[p] * inverse - mean * mean);
    (*spread)[p] = select(sqrt(variance), root * ((*spread)[p] - total * mean), full);
    (*gradient)[p] = pilot[p] + mean;
  }
  //#end
  return loss * inverse;
}
