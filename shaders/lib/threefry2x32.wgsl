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
