// The update rule on four parameters in each invocation, or the point where G is taken:
//
//   (θ', kept vectors) = update(x, G),   x = (θ, kept vectors) or what `prepare` made of them
//
// twin: engine/update/referenceStep.ts
//#import batched/slice
//#import lib/normal
//#import sampling/size
//#import update/clock

override WORKGROUP: u32 = 64u;

@group(0) @binding(1) var<storage, read_write> replicas: array<vec4f>;  // [slot, vector, param / 4]
@group(0) @binding(2) var<storage, read> scratch: array<vec4f>;  // [slot, word / 4]
@group(0) @binding(3) var<storage, read> frozen: array<u32>;  // [lane]
@group(1) @binding(0) var<storage, read> hyper: array<f32>;  // [hyperparameter, condition]

//#slot update
struct Constants {
  unused: f32,
}
fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(0.0);
}
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return vec4f(x.x - h.learning_rate * gradient, x.yzw);
}
//#end

//#slot load_hyperparameters
fn hyperparameters(condition: u32) -> Hyperparameters {
  return Hyperparameters(1.0, hyper[condition], 0.0);
}
//#end

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let quad = id.x;
  let slot = id.y;
  if (quad >= VECTOR / 4u || frozen[run.first_lane + slot] != 0u) { return; }
  let step = run.first_step;
  let fixed = hyperparameters(condition_of(slot));
  let clock = Clock(step, max(1u, SAMPLES / u32(fixed.batch_size)));
  var h = fixed;
  //#slot rate
  //#end
  let c = constants(h, clock);
  let at = slot * (REPLICA / 4u) + quad;
  //#slot step
  let theta = replicas[at];
  let gradient = scratch[slot * (SCRATCH / 4u) + quad];
  replicas[at] = vec4f(
    update(vec4f(theta.x, 0.0, 0.0, 0.0), gradient.x, vec2f(), h, c).x,
    update(vec4f(theta.y, 0.0, 0.0, 0.0), gradient.y, vec2f(), h, c).x,
    update(vec4f(theta.z, 0.0, 0.0, 0.0), gradient.z, vec2f(), h, c).x,
    update(vec4f(theta.w, 0.0, 0.0, 0.0), gradient.w, vec2f(), h, c).x,
  );
  //#end
}
