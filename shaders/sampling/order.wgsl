// The stored order of the shuffled laws: Fisher-Yates from the identity (Durstenfeld, CACM 7 (1964)
// 420), exactly uniform over all N! permutations. A pure function of (order key, epoch), so it can
// be rebuilt after a restore.
// twin: engine/sampling.ts epochOrder
//#import lib/random
//#import sampling/size

@group(1) @binding(2) var<storage, read_write> order: array<u32>; // [position, lane]

fn shuffle_order(key: vec2u, epoch: u32, lane: u32, lanes: u32) {
  for (var position = 0u; position < SAMPLES; position++) {
    order[position * lanes + lane] = position;
  }
  var words = vec2u(0u);
  for (var swap = 0u; swap + 1u < SAMPLES; swap++) {
    let odd = swap & 1u;
    if (odd == 0u) {
      words = threefry2x32(key, vec2u(epoch, swap >> 1u));
    }
    let word = select(words.x, words.y, odd == 1u);
    let last = SAMPLES - 1u - swap;
    let other = below(word, last + 1u, key, epoch, swap >> 1u, odd);
    let moved = order[last * lanes + lane];
    order[last * lanes + lane] = order[other * lanes + lane];
    order[other * lanes + lane] = moved;
  }
}
