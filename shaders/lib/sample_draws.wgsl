// Random numbers that a loss takes for one member of a batch, two in a pair: pair k of member b is
// draw number b · pairs + k under the lane key of STREAM_SAMPLE. The sign of a uniform number u is
// +1 where u > 1/2 (u is never 1/2), which is the word's first bit.
// twin: engine/sampleDraws.ts
//#import lib/random
//#import lib/normal

fn draw_normals(key: vec2u, step: u32, draw: u32) -> vec2f {
  return normal_pair(threefry2x32(key, vec2u(step, draw)));
}

fn draw_uniforms(key: vec2u, step: u32, draw: u32) -> vec2f {
  let words = threefry2x32(key, vec2u(step, draw));
  return vec2f(uniform_open(words.x), uniform_open(words.y));
}

fn draw_sign(u: f32) -> f32 {
  return select(-1.0, 1.0, u > 0.5);
}
