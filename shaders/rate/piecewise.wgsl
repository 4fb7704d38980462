// A table of steps s_k and factors f_k, with constant or linear pieces.
// twin: engine/rate/piecewise.ts

//#slot hyperparameters
struct Hyperparameters {
  piece_factor0: f32,
  piece_step1: f32,
  piece_factor1: f32,
}
//#end

//#slot rate_pieces
const PIECES: u32 = 2u;
fn rate_piece(piece: u32, h: Hyperparameters) -> vec2f {
  switch piece {
    case 0u: { return vec2f(0.0, h.piece_factor0); }
    default: { return vec2f(h.piece_step1, h.piece_factor1); }
  }
}
//#end

// Number of the piece that a step is in.
fn piece_at(step: u32, h: Hyperparameters) -> u32 {
  var piece = 0u;
  for (var k = 1u; k < PIECES; k += 1u) {
    if (step >= u32(rate_piece(k, h).x)) { piece = k; }
  }
  return piece;
}

fn piecewise_constant(step: u32, h: Hyperparameters) -> f32 {
  return rate_piece(piece_at(step, h), h).y;
}

fn piecewise_linear(step: u32, h: Hyperparameters) -> f32 {
  let piece = piece_at(step, h);
  let here = rate_piece(piece, h);
  if (piece + 1u >= PIECES) { return here.y; }
  let next = rate_piece(piece + 1u, h);
  let share = f32(step - u32(here.x)) / (next.x - here.x);
  return here.y + (next.y - here.y) * share;
}
