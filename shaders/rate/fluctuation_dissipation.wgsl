// A learning rate that drops when O_L and O_R balance: FDR1, arXiv 1810.00004, section 3.2.
//
// Sums run over blocks of check_every / 2 steps. At the k-th check since the last drop the second
// half of the steps are the last k of 2k blocks. A block is added from parts of PART steps, so that
// float32 loses little to long blocks; blocks are kept in a ring and added at the check.
// twin: engine/rate/adaptation.ts adapt

//#slot hyperparameters
struct Hyperparameters {
  ratio_tolerance: f32,
  drop_factor: f32,
  check_every: f32,
}
//#end

//#slot decision
const RING: u32 = 4u;
const REPLICA_DECIDES: bool = true;
//#end

// Block sums of a lane: word k < RING of O_L, RING + k of O_R.
//#slot ring
var<private> ring: array<f32, 2u * RING>;
fn ring_load(word: u32, lane: u32) -> f32 { return ring[word]; }
fn ring_store(word: u32, lane: u32, value: f32) { ring[word] = value; }
//#end

const PART: u32 = 256u;

// In the order of ADAPTATION_WORDS; counts are whole numbers.
struct Adaptation {
  factor: f32,         // η_t / η
  drops: f32,
  count: f32,          // steps in the present block
  blocks: f32,         // whole blocks since the last drop
  left: f32,           // sums over the present block: its whole parts
  right: f32,
  left_part: f32,      // and the present part
  right_part: f32,
  checked_left: f32,   // sums over the second half, at the last check
  checked_right: f32,
  ratio: f32,          // of these; 0 before the first check
}

fn steps_since_drop(a: Adaptation, h: Hyperparameters) -> f32 {
  return f32(u32(a.blocks) * (u32(h.check_every) / 2u) + u32(a.count));
}

// Sums over the second half of the steps since the last drop: O_L, O_R.
fn second_half(blocks: u32, lane: u32) -> vec2f {
  var sum = vec2f();
  for (var back = 1u; back <= min(blocks / 2u, RING); back += 1u) {
    let slot = (blocks - back) % RING;
    sum += vec2f(ring_load(slot, lane), ring_load(RING + slot, lane));
  }
  return sum;
}

fn check(before: Adaptation, h: Hyperparameters, lane: u32) -> Adaptation {
  var a = before;
  let sum = second_half(u32(a.blocks), lane);
  a.checked_left = sum.x;
  a.checked_right = sum.y;
  // Nothing moves: there is nothing to decide.
  if (!REPLICA_DECIDES || sum.y <= 0.0) { return a; }
  a.ratio = sum.x / sum.y;
  if (abs(a.ratio - 1.0) < h.ratio_tolerance) {
    a.factor *= h.drop_factor;
    a.drops += 1.0;
    a.blocks = 0.0;
  }
  return a;
}

// Takes a step's O_L and O_R; the rate drops, from the next step on, where they balance.
fn adapt(
  before: Adaptation,
  left: f32,
  right: f32,
  h: Hyperparameters,
  lane: u32,
) -> Adaptation {
  var a = before;
  a.left_part += left;
  a.right_part += right;
  a.count += 1.0;
  let full = a.count >= 0.5 * h.check_every;
  if (!full && u32(a.count) % PART != 0u) { return a; }
  a.left += a.left_part;
  a.right += a.right_part;
  a.left_part = 0.0;
  a.right_part = 0.0;
  if (!full) { return a; }
  let slot = u32(a.blocks) % RING;
  ring_store(slot, lane, a.left);
  ring_store(RING + slot, lane, a.right);
  a.left = 0.0;
  a.right = 0.0;
  a.count = 0.0;
  a.blocks += 1.0;
  if (u32(a.blocks) % 2u == 1u) { return a; }
  return check(a, h, lane);
}
