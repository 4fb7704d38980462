// Threefry-2x32 with 20 rounds: two random words as a pure function of (key, counter).
// Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; the
// published vectors of Random123 are in test/vectors/threefry2x32.txt. Not for cryptography.
// twin: engine/random.ts threefry2x32

// Four rounds with one half of the rotation schedule.
fn threefry_rounds(x: vec2u, rotations: vec4u) -> vec2u {
  var a = x.x;
  var b = x.y;
  a += b;
  b = ((b << rotations.x) | (b >> (32u - rotations.x))) ^ a;
  a += b;
  b = ((b << rotations.y) | (b >> (32u - rotations.y))) ^ a;
  a += b;
  b = ((b << rotations.z) | (b >> (32u - rotations.z))) ^ a;
  a += b;
  b = ((b << rotations.w) | (b >> (32u - rotations.w))) ^ a;
  return vec2u(a, b);
}

fn threefry2x32(key: vec2u, counter: vec2u) -> vec2u {
  let third = 0x1BD11BDAu ^ key.x ^ key.y;
  let odd = vec4u(13u, 15u, 26u, 6u);
  let even = vec4u(17u, 29u, 16u, 24u);
  var x = counter + key;
  x = threefry_rounds(x, odd) + vec2u(key.y, third + 1u);
  x = threefry_rounds(x, even) + vec2u(third, key.x + 2u);
  x = threefry_rounds(x, odd) + vec2u(key.x, key.y + 3u);
  x = threefry_rounds(x, even) + vec2u(key.y, third + 4u);
  x = threefry_rounds(x, odd) + vec2u(third, key.x + 5u);
  return x;
}
// Lane keys, uniform numbers and unbiased indices from threefry words. A draw is a pure function
// of (seed, stream, condition, replica, step, draw): the words of draw pair d at a step are
// threefry2x32(lane key, (step, d)). Indices: Lemire, "Fast random integer generation in an
// interval", ACM TOMACS 29 (2019), algorithm 5. A redraw counts attempts in the upper 8 bits of
// the draw number, so draw numbers stay below 2^24.
// twin: engine/random.ts

const STREAM_MINIBATCH: u32 = 0u;
const STREAM_GRADIENT_NOISE: u32 = 1u;
const STREAM_INITIAL: u32 = 2u;
const STREAM_ORDER: u32 = 3u;
const STREAM_SAMPLE: u32 = 4u;
const STREAM_THERMAL_NOISE: u32 = 5u;

// Key of one replica's stream; all its draws use it.
fn lane_key(seed: u32, stream: u32, condition: u32, replica: u32) -> vec2u {
  return threefry2x32(vec2u(seed, stream), vec2u(condition, replica));
}

// Uniform on the 2^23 midpoints (k + 1/2) / 2^23, never 0 or 1; exact in f32.
fn uniform_open(word: u32) -> f32 {
  return (f32(word >> 9u) + 0.5) * 0x1p-23;
}

// Upper 32 bits of the 64-bit product, which WGSL has no type for: from 16-bit halves.
fn multiply_high(a: u32, b: u32) -> u32 {
  let a_low = a & 0xFFFFu;
  let a_high = a >> 16u;
  let b_low = b & 0xFFFFu;
  let b_high = b >> 16u;
  let cross = a_high * b_low + ((a_low * b_low) >> 16u);
  let middle = a_low * b_high + (cross & 0xFFFFu);
  return a_high * b_high + (cross >> 16u) + (middle >> 16u);
}

// Rejection of `below`, taken with probability range / 2^32.
fn below_again(word: u32, range: u32, key: vec2u, step: u32, draw: u32, component: u32) -> u32 {
  let threshold = (0u - range) % range; // 2^32 mod range
  var candidate = word;
  for (var attempt = 1u; attempt < 256u && candidate * range < threshold; attempt++) {
    let words = threefry2x32(key, vec2u(step, draw | (attempt << 24u)));
    candidate = select(words.x, words.y, component == 1u);
  }
  return multiply_high(candidate, range);
}

// Uniform index in [0, range), range >= 1, from `word` = component 0 or 1 of the pair
// threefry2x32(key, (step, draw)). No modulo bias: a word of the surplus is drawn again.
fn below(word: u32, range: u32, key: vec2u, step: u32, draw: u32, component: u32) -> u32 {
  if (word * range < range) {
    return below_again(word, range, key, step, draw, component);
  }
  return multiply_high(word, range);
}
// Natural logarithm in float32, relative error below 2e-7 (measured in
// test/gpu/functions.test.ts): x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)),
// log(1 + f) = f - f^2/2 + f^3 P(f), P minimax in relative error.
// Range: zero, negative and subnormal x give -3.4028235e38, the largest finite magnitude: WGSL may
// assume that NaN and infinities do not occur, and this value trips a divergence bound.
// twin: Math.log, Math.log1p

// log(1 + f) + n ln 2 for 1 + f in [sqrt(1/2), sqrt(2)].
fn log_parts(f: f32, n: f32) -> f32 {
  let p = ((((((-0.0764610618 * f + 0.127791151) * f - 0.13164185) * f + 0.14199695) * f
    - 0.166227654) * f + 0.200012922) * f - 0.250008374) * f + 0.333333313;
  let square = f * f;
  // ln 2 in two parts: n * 0.693359375 is exact.
  let small = (square * f) * p - n * 2.12194440e-4 - 0.5 * square;
  return (f + small) + n * 0.693359375;
}

fn log_accurate(x: f32) -> f32 {
  let bits = bitcast<i32>(max(x, 0x1p-126));
  let n = (bits - 0x3F3504F3) >> 23u; // 0x3F3504F3 = sqrt(1/2)
  let f = bitcast<f32>(bits - (n << 23u)) - 1.0;
  return select(log_parts(f, f32(n)), -0x1.fffffep+127, x < 0x1p-126);
}

// log(1 + y) for y in [0, 1], without cancellation at small y.
fn log1p_unit(y: f32) -> f32 {
  let upper = y > 0.41421356;
  return log_parts(select(y, 0.5 * (y - 1.0), upper), select(0.0, 1.0, upper));
}
// sin and cos in float32, absolute error below 2e-7 for |x| <= 1e4 (measured in
// test/gpu/functions.test.ts); beyond, the reduction loses digits, and from |x| ~ 3e9 on the
// result is meaningless. WGSL's own sin allows 2^-11. x = n pi/2 + r by pi/2 in three parts of
// which n times the first two is exact for |n| < 2^13 (Cody & Waite 1980); minimax on |r| <= pi/4.
// twin: Math.sin, Math.cos

// sin r for |r| <= pi/4.
fn sin_octant(r: f32) -> f32 {
  let square = r * r;
  let p = (-1.95144545e-4 * square + 8.33215471e-3) * square - 0.166666552;
  return (p * square) * r + r;
}

// cos r for |r| <= pi/4.
fn cos_octant(r: f32) -> f32 {
  let square = r * r;
  let p = (2.44322091e-5 * square - 1.38873083e-3) * square + 4.16666456e-2;
  return (p * square) * square - 0.5 * square + 1.0;
}

// sin(r + quarters pi/2) for |r| <= pi/4.
fn sin_quarters(r: f32, quarters: u32) -> f32 {
  let value = select(sin_octant(r), cos_octant(r), (quarters & 1u) == 1u);
  return select(value, -value, (quarters & 2u) == 2u);
}

// Number of quarter turns nearest to x.
fn nearest_quarters(x: f32) -> f32 {
  return floor(x * 0.636619772 + 0.5);
}

// x - n pi/2
fn reduce_quarters(x: f32, n: f32) -> f32 {
  return ((x - n * 1.5703125) - n * 4.83751296997e-4) - n * 7.54978995e-8;
}

fn sin_accurate(x: f32) -> f32 {
  let n = nearest_quarters(x);
  return sin_quarters(reduce_quarters(x, n), bitcast<u32>(i32(n)));
}

fn cos_accurate(x: f32) -> f32 {
  let n = nearest_quarters(x);
  return sin_quarters(reduce_quarters(x, n), bitcast<u32>(i32(n)) + 1u);
}
// Two independent standard normal numbers from the two words of a threefry pair: Box & Muller,
// Ann. Math. Stat. 29 (1958) 610. Two in, two out suits a counter-based generator.
// radius^2 = -2 ln u, u = (word + 1/2) / 2^32; angle = 2 pi word / 2^32, reduced in integers.
// Tail: smallest u = 2^-33, so |z| <= sqrt(66 ln 2) = 6.764; a true normal passes that with
// probability 1.3e-11. Own log, sin and cos: differs from the float64 twin by less than
// 3e-7 radius, so 1e-6 for radius <= 3.3 and 2e-6 in the farthest tail (measured in
// test/gpu/random.test.ts).
// twin: engine/random.ts normalPair

// ln((word + 1/2) / 2^32). Near u = 1, where f32 cannot hold u, from 1 - u, which it can.
fn log_uniform(word: u32) -> f32 {
  let near_one = word >= 3037000500u; // 2^32 sqrt(1/2)
  let bits = bitcast<i32>(f32(word) + 0.5);
  let n = (bits - 0x3F3504F3) >> 23u;
  let f = bitcast<f32>(bits - (n << 23u)) - 1.0;
  let complement = (f32(~word) + 0.5) * 0x1p-32;
  return log_parts(select(f, -complement, near_one), select(f32(n) - 32.0, 0.0, near_one));
}

fn normal_pair(words: vec2u) -> vec2f {
  let radius = sqrt(-2.0 * log_uniform(words.x));
  let quarters = (words.y + 0x20000000u) >> 30u;
  let r = f32(bitcast<i32>(words.y - (quarters << 30u))) * 1.46291807927e-9; // 2 pi / 2^32
  return radius * vec2f(sin_quarters(r, quarters + 1u), sin_quarters(r, quarters));
}
// Sizes that every sampling law shares: N and the largest batch of any condition.
// twin: arguments `samples`, `batchSize` of engine/sampling.ts batchIndices

const SAMPLES: u32 = 256u; //#param
const MAX_BATCH: u32 = 1u; //#param
// When a step is taken: what an update rule may know beside its hyperparameters.
// twin: engine/update/updateRule.ts Clock

struct Clock {
  step: u32,     // number of the step, from 0
  batches: u32,  // batches in an epoch, floor(N / B)
}
// Sampling law `withReplacement`: every batch is m independent uniform indices.
// Use: minibatch_open once a dispatch, minibatch_begin once a step, then minibatch_sample for
// b = 0, 1, …, batch - 1 in this order.
// twin: engine/sampling.ts withReplacement

struct Minibatch {
  key: vec2u,
  step: u32,
  words: vec2u, // draw pair b / 2
}

fn minibatch_open(seed: u32, condition: u32, replica: u32, lane: u32, lanes: u32) -> Minibatch {
  return Minibatch(lane_key(seed, STREAM_MINIBATCH, condition, replica), 0u, vec2u(0u));
}

fn minibatch_begin(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool) {
  (*m).step = step;
}

fn minibatch_sample(m: ptr<function, Minibatch>, b: u32) -> u32 {
  let odd = b & 1u;
  if (odd == 0u) {
    (*m).words = threefry2x32((*m).key, vec2u((*m).step, b >> 1u));
  }
  let word = select((*m).words.x, (*m).words.y, odd == 1u);
  return below(word, SAMPLES, (*m).key, (*m).step, b >> 1u, odd);
}
// SGD with momentum μ, dampening ν, Nesterov look-ahead; G includes weight decay.
//
//   v' = μ v − (1 − ν) G,   θ' = θ + η v'             (heavy ball)
//   v' = μ v − G,           θ' = θ + η (μ v' − G)     (Nesterov; ν = 0)
//
// The velocity is minus PyTorch's momentum buffer. FDR paper (arXiv 1810.00004), section 2.
// twin: engine/update/sgd.ts

struct Hyperparameters {
  batch_size: f32,
  learning_rate: f32,
  momentum: f32,
  dampening: f32,
  nesterov: f32,
  weight_decay: f32,
  gradient_noise: f32,
  clip_norm: f32,
}

struct Constants {
  unused: f32,  // WGSL has no empty structs
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(0.0);
}

// x = (θ, v). Without momentum μ = 0 and v is a scratch value.
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  let next = h.momentum * x.y - (1.0 - h.dampening) * gradient;
  let ahead = select(next, h.momentum * next - gradient, h.nesterov != 0.0);
  return vec4f(x.x + h.learning_rate * ahead, next, 0.0, 0.0);
}
// Hyperbolic tangent in float32, branch-free: 8 multiply-adds, 2 multiplications, 1 division.
// tanh x = x (1 + y p(y)) / (1 + y q(y)), y = x^2, type (9, 8), minimax in relative error on
// |x| <= 9.2 (2.7e-8 before rounding). Relative error in float32 below 4.8e-7 (4 ulp), also near
// 0, where nothing cancels (measured in test/gpu/functions.test.ts). |tanh| never exceeds 1, so
// the derivative 1 - tanh^2 is never negative.
// twin: Math.tanh

fn tanh_accurate(x: f32) -> f32 {
  let z = clamp(x, -9.0, 9.0);
  let y = z * z;
  let p = (((1.30679174e-8 * y + 2.04071966e-5) * y + 3.48356157e-3) * y + 0.133709893) * y + 1.0;
  let q = (((7.66065398e-7 * y + 3.26579175e-4) * y + 2.58315001e-2) * y + 0.467043072) * y + 1.0;
  return clamp(z * p / q, -1.0, 1.0);
}
// One workgroup owns one replica and takes whole SGD steps (schedule `workgroup`).
//
//   x_t = prepare(θ_t, kept vectors)                       the point where G is taken; mostly θ_t
//   G_t = clip((1/B) Σ_{b ∈ batch_t} ∇l_b + s ξ_t) + λ θ   at x_t
//   (θ_{t+1}, kept vectors) = update(x_t, G_t)
//
// The replica's state stays in workgroup memory. Loss and gradient are computed in levels: the
// threads share a level's elements (units, samples, parameters) and meet at a barrier before the
// next. A sum is one thread's, in a fixed order, or that of PARTS partial sums: no number depends
// on how many threads there are. What observables see, and lanes: as in schedules/thread.wgsl.
// twin: engine/referenceTrajectory.ts


const PARAMS: u32 = 161u; //#param
const ROW: u32 = 3u; //#param
// Samples of the largest batch, numbers that wait between levels.
const BATCH: u32 = 16u; //#param
const SCRATCH: u32 = 558u; //#param
// |θ|² is tested once in so many steps (the loss at every step): a matter of cost only.
const THETA_CHECK: u32 = 16u;
// Partial sums of a sum over all parameters.
const PARTS: u32 = 32u;
// Threads of a replica.
override WORKGROUP: u32 = 64u;

struct Run {
  first_step: u32,
  steps: u32,
  seed: u32,
  first_lane: u32,
  last_lane: u32,
  lanes: u32,
  global_lane: u32,
  replicas: u32,
  first_replica: u32,
  conditions: u32,
  common_noise: u32,
  rebuild: u32,
  observe_first: u32,
  window_first: u32,
  theta_bound: f32,
  loss_bound: f32,
}

@group(0) @binding(0) var<uniform> run: Run;
@group(0) @binding(1) var<storage, read_write> state: array<f32>;  // [θ then kept, param, lane]
@group(0) @binding(2) var<storage, read_write> frozen: array<u32>;  // [lane], step + 1, or 0
@group(1) @binding(0) var<storage, read> data: array<vec4f>;  // [sample, row]
@group(1) @binding(1) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

var<workgroup> theta: array<f32, PARAMS>;
var<workgroup> gradient: array<f32, PARAMS>;
var<workgroup> scratch: array<f32, SCRATCH>;
var<workgroup> batch_samples: array<u32, BATCH>;
var<workgroup> batch_loss: f32;  // Σ_b l_b
var<workgroup> theta_squares: array<f32, PARTS>;
var<workgroup> stopped: u32;





fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(
    hyper[0u * run.conditions + condition],
    hyper[1u * run.conditions + condition],
    hyper[2u * run.conditions + condition],
    hyper[3u * run.conditions + condition],
    hyper[4u * run.conditions + condition],
    hyper[5u * run.conditions + condition],
    hyper[6u * run.conditions + condition],
    hyper[7u * run.conditions + condition],
  );
}


const W_at: u32 = 0u;  // [16, 8]
const b_at: u32 = 128u;  // [16]
const a_at: u32 = 144u;  // [16]
const c_at: u32 = 160u;  // []
fn left_0(d0: u32, k0: u32) -> f32 { return theta[W_at + 8u * d0 + k0]; }
fn right_0(k0: u32, row: u32) -> f32 { return data[row + (k0 >> 2u)][k0 & 3u]; }
fn left_4(d0: u32, s: u32) -> f32 { return scratch[17u * d0 + s + 287u]; }
fn right_4(d1: u32, row: u32) -> f32 { return data[row + (d1 >> 2u)][d1 & 3u]; }

fn draw_batch(m: ptr<function, Minibatch>, step: u32, batch: u32, rebuild: bool, thread: u32) {
  minibatch_begin(m, step, batch, rebuild);
  for (var b = 2u * thread; b < batch; b += 2u * WORKGROUP) {
    batch_samples[b] = minibatch_sample(m, b);
    if (b + 1u < batch) { batch_samples[b + 1u] = minibatch_sample(m, b + 1u); }
  }
}


/// |x| > bound, true for NaN and infinities: an integer comparison, since compilers may assume
/// that NaN does not occur.
fn beyond(x: f32, bound: f32) -> bool {
  return (bitcast<u32>(x) & 0x7fffffffu) > bitcast<u32>(bound);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) thread: u32,
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
) {
  let lane = run.first_lane + group.x + group.y * groups.x;
  if (lane >= run.last_lane) { return; }
  if (thread == 0u) { stopped = frozen[lane]; }
  if (workgroupUniformLoad(&stopped) != 0u) { return; }
  let condition = (run.global_lane + lane) / run.replicas;
  let replica = run.first_replica + (run.global_lane + lane) % run.replicas;
  let noise_condition = select(condition, 0u, run.common_noise != 0u);
  let fixed = hyperparameters(condition);
  let batch = u32(fixed.batch_size);
  let inverse_batch = 1.0 / fixed.batch_size;

  for (var p = thread; p < PARAMS; p += WORKGROUP) { theta[p] = state[p * run.lanes + lane]; }

  var minibatch = minibatch_open(run.seed, noise_condition, replica, lane, run.lanes);
  draw_batch(&minibatch, run.first_step, batch, run.rebuild != 0u, thread);
  workgroupBarrier();  // θ and the first batch are there


  // A replica that has left its bounds moves no more, but its threads still meet at the barriers.
  var running = true;
  for (var taken = 0u; taken < run.steps; taken += 1u) {
    let step = run.first_step + taken;
    let clock = Clock(step, max(1u, SAMPLES / batch));
    var h = fixed;

    let c = constants(h, clock);

    if (step % THETA_CHECK == 0u) {
      for (var part = thread; part < PARTS; part += WORKGROUP) {
        var square = 0.0;
        for (var p = part; p < PARAMS; p += PARTS) { square += theta[p] * theta[p]; }
        theta_squares[part] = square;
      }
    }

    // matvec_0, tanh_1
    for (var tile = thread; tile < 64u; tile += WORKGROUP) {
      let m = 2u * (tile / 8u);
      let n = 2u * (tile % 8u);
      if (n >= batch) { continue; }
      let d0_m0 = m;
      let d0_m1 = m + 1u;
      let s_n0 = n;
      let row_n0 = batch_samples[s_n0] * ROW;
      let s_n1 = min(n + 1u, batch - 1u);
      let row_n1 = batch_samples[s_n1] * ROW;
      var sum_0 = vec2f(0.0);
      var sum_1 = vec2f(0.0);
      for (var k0 = 0u; k0 < 8u; k0 += 1u) {
        let right = vec2f(right_0(k0, row_n0), right_0(k0, row_n1));
        sum_0 += left_0(d0_m0, k0) * right;
        sum_1 += left_0(d0_m1, k0) * right;
      }
      var sums = array<vec2f, 2>(sum_0, sum_1);
      for (var i = 0u; i < 2u; i += 1u) {
        let d0 = m + i;
        for (var j = 0u; j < 2u && n + j < batch; j += 1u) {
          let s = n + j;
          let product = sums[i][j];
          let tanh_1 = tanh_accurate((product + theta[b_at + d0]));
          scratch[17u * d0 + s] = tanh_1;
        }
      }
    }
    workgroupBarrier();
    // dot_2, sub_3
    for (var e = thread; e < 16u; e += WORKGROUP) {
      let s = e;
      if (s >= batch) { continue; }
      let row = batch_samples[s] * ROW;
      var dot_sum_0 = 0.0;
      for (var i1 = 0u; i1 < 16u; i1 += 1u) {
        dot_sum_0 += (theta[a_at + i1] * scratch[17u * i1 + s]);
      }
      let dot_2 = dot_sum_0;
      let sub_3 = ((dot_2 + theta[c_at]) - data[row + 2u].x);
      scratch[s + 271u] = sub_3;
    }
    workgroupBarrier();
    // overSamples_4, overSamples_9
    if (thread == 0u) {
      var overSamples_sum_2 = 0.0;
      for (var b3 = 0u; b3 < batch; b3 += 1u) {
        overSamples_sum_2 += ((scratch[b3 + 271u] * scratch[b3 + 271u]) * 0.5f);
      }
      let overSamples_4 = overSamples_sum_2;
      var overSamples_sum_4 = 0.0;
      for (var b5 = 0u; b5 < batch; b5 += 1u) {
        overSamples_sum_4 += scratch[b5 + 271u];
      }
      let overSamples_9 = overSamples_sum_4;
      batch_loss = overSamples_4;
      gradient[c_at] = overSamples_9;
    }
    // mul_5
    for (var e = thread; e < 256u; e += WORKGROUP) {
      let d0 = e / 16u;
      let s = e % 16u;
      if (s >= batch) { continue; }
      let mul_5 = ((scratch[s + 271u] * theta[a_at + d0]) * (1.0 - (scratch[17u * d0 + s] * scratch[17u * d0 + s])));
      scratch[17u * d0 + s + 287u] = mul_5;
    }
    workgroupBarrier();
    // overSamples_6
    for (var tile = thread; tile < 64u; tile += WORKGROUP) {
      let m = tile / 4u;
      let n = 2u * (tile % 4u);
      let d0_m0 = m;
      let d1_n0 = n;
      let d1_n1 = n + 1u;
      var sum_0 = vec2f(0.0);
      for (var s = 0u; s < batch; s += 1u) {
        let row = batch_samples[s] * ROW;
        let right = vec2f(right_4(d1_n0, row), right_4(d1_n1, row));
        sum_0 += left_4(d0_m0, s) * right;
      }
      var sums = array<vec2f, 1>(sum_0);
      let d0 = m;
      for (var j = 0u; j < 2u; j += 1u) {
        let d1 = n + j;
        let product = sums[0][j];
        gradient[W_at + 8u * d0 + d1] = product;
      }
    }
    // overSamples_7, overSamples_8
    for (var e = thread; e < 16u; e += WORKGROUP) {
      let d0 = e;
      var overSamples_sum_6 = 0.0;
      for (var b7 = 0u; b7 < batch; b7 += 1u) {
        overSamples_sum_6 += scratch[17u * d0 + b7 + 287u];
      }
      let overSamples_7 = overSamples_sum_6;
      var overSamples_sum_8 = 0.0;
      for (var b9 = 0u; b9 < batch; b9 += 1u) {
        overSamples_sum_8 += (scratch[b9 + 271u] * scratch[17u * d0 + b9]);
      }
      let overSamples_8 = overSamples_sum_8;
      gradient[b_at + d0] = overSamples_7;
      gradient[a_at + d0] = overSamples_8;
    }
    workgroupBarrier();
    let loss = batch_loss * inverse_batch;
    var stop = beyond(loss, run.loss_bound);
    if (step % THETA_CHECK == 0u) {
      var square = 0.0;
      for (var part = 0u; part < PARTS; part += 1u) { square += theta_squares[part]; }
      stop = stop || beyond(square, run.theta_bound * run.theta_bound);
    }
    if (running && stop) {
      running = false;
      if (thread == 0u) { frozen[lane] = step + 1u; }
    }




    if (running) {
      for (var p = thread; p < PARAMS; p += WORKGROUP) {
        let next = update(vec4f(theta[p], 0.0, 0.0, 0.0), gradient[p] * inverse_batch + h.weight_decay * theta[p], vec2f(), h, c);
        theta[p] = next.x;
      }
    }
    if (taken + 1u < run.steps) { draw_batch(&minibatch, step + 1u, batch, false, thread); }
    workgroupBarrier();  // θ and the next batch are there
  }

  for (var p = thread; p < PARAMS; p += WORKGROUP) { state[p * run.lanes + lane] = theta[p]; }

}
