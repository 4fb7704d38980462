/**
 * Numbers as WGSL f32 literals: the shortest decimal that reads back as the same f32 and is not beyond
 * the largest one.
 *
 * WGSL has no literal for infinity or NaN and refuses literals beyond the largest f32.
 */
import { LimitError } from "../errors.ts";

const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/**
 * `0.1f`, `3f`, `(-2.5f)`: safe in any expression (`--` is a reserved token, so a sign is bracketed).
 * Throws `LimitError` for a number that is not finite in f32.
 */
export function floatLiteral(value: number): string {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded)) {
    throw new LimitError(
      `floatLiteral: ${value} has no finite f32 value; WGSL constants reach 3.4e38 at most.`,
    );
  }
  let digits = 1;
  const read = (): number => Number(rounded.toPrecision(digits));
  // WGSL also refuses decimals above the largest f32 that would round down to it.
  while (Math.fround(read()) !== rounded || Math.abs(read()) > LARGEST) digits += 1;
  const text = `${Math.abs(Number(rounded.toPrecision(digits)))}f`.replace("e+", "e");
  return rounded < 0 ? `(-${text})` : text;
}
