// Implicit SGD: θ' = θ − η G(θ'). The element comes at the solution, found by gradient/implicit.
//
// Toulis & Airoldi, Annals of Statistics 45, 1694 (2017).
// twin: engine/update/implicitSgd.ts
//#import update/clock

//#slot hyperparameters
struct Hyperparameters {
  learning_rate: f32,
}
//#end

struct Constants {
  unused: f32,  // WGSL has no empty structs
}

fn constants(h: Hyperparameters, clock: Clock) -> Constants {
  return Constants(0.0);
}

// x = (θ', count of unsolved steps)
fn update(x: vec4f, gradient: f32, xi: vec2f, h: Hyperparameters, c: Constants) -> vec4f {
  return x;
}
