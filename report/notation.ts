/**
 * Numbers as papers print them: 0.12843(9) is 0.12843 ± 0.00009.
 *
 * The error is rounded by the rule of the Particle Data Group (Review of Particle Physics,
 * Introduction, sec. 5.3): by its three leading digits, 100-354 keeps two digits, 355-949 keeps
 * one, 950-999 becomes 1000 and keeps two. The value is rounded to the same place. Numbers outside
 * [10⁻³, 10⁶) get a power of ten.
 */

/** A number in parts: `${mantissa}` times ten to the `exponent`. */
export interface Notation {
  readonly mantissa: string;
  readonly exponent: number;
}

const SMALLEST_EXPONENT = -3;
const LARGEST_EXPONENT = 5;

/** Exponent of the leading decimal digit of |x| > 0. */
const leadingExponent = (x: number): number => Number(x.toExponential().split("e")[1]);

/** Digits kept of an error and the exponent of the last one. */
function roundError(standardError: number): { digits: string; place: number } {
  const [leading, exponent] = standardError.toExponential(2).split("e") as [string, string];
  const three = Number(leading.replace(".", ""));
  const first = Number(exponent);
  if (three >= 950) return { digits: "10", place: first };
  if (three < 355) return { digits: String(Math.round(three / 10)), place: first - 1 };
  return { digits: String(Math.round(three / 100)), place: first };
}

/** Without the sign of a zero that rounding made. */
const unsignZero = (text: string): string => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text);

/** x rounded to the decimal `place`, e.g. -2 for hundredths. */
function roundTo(x: number, place: number): string {
  if (place <= 0) return unsignZero(x.toFixed(Math.min(-place, 100)));
  const unit = 10 ** place;
  return unsignZero((Math.round(x / unit) * unit).toFixed(0));
}

const scaleExponent = (magnitude: number): number => {
  if (magnitude === 0) return 0;
  const exponent = leadingExponent(magnitude);
  return exponent < SMALLEST_EXPONENT || exponent > LARGEST_EXPONENT ? exponent : 0;
};

/** x times 10^-exponent; by text, so that 1.2e-9 scales to 1.2 and not to 1.2000000000000002. */
function descale(x: number, exponent: number): number {
  if (exponent === 0 || x === 0) return x;
  const [mantissa, power] = x.toExponential().split("e") as [string, string];
  return Number(`${mantissa}e${Number(power) - exponent}`);
}

/** Parts of a number with `digits` significant digits, trailing zeros dropped. */
export function plainNotation(x: number, digits = 6): Notation {
  if (Number.isNaN(x)) return { mantissa: "NaN", exponent: 0 };
  if (!Number.isFinite(x)) return { mantissa: x > 0 ? "∞" : "-∞", exponent: 0 };
  if (x === 0) return { mantissa: "0", exponent: 0 };
  const rounded = Number(x.toPrecision(digits));
  const exponent = scaleExponent(Math.abs(rounded));
  return { mantissa: String(descale(rounded, exponent)), exponent };
}

/**
 * Parts of value ± standardError in concise notation.
 *
 * A zero error prints as `(0)`, one that is not a finite number >= 0 as `(?)`.
 */
export function conciseNotation(value: number, standardError: number): Notation {
  const known = Number.isFinite(standardError) && standardError >= 0;
  if (!Number.isFinite(value) || !known || standardError === 0) {
    const { mantissa, exponent } = plainNotation(value);
    if (!Number.isFinite(value)) return { mantissa, exponent };
    return { mantissa: `${mantissa}(${known ? "0" : "?"})`, exponent };
  }
  const exponent = scaleExponent(Math.max(Math.abs(value), standardError));
  const { digits, place } = roundError(descale(standardError, exponent));
  const error = place > 0 ? `${digits}${"0".repeat(place)}` : digits;
  return { mantissa: `${roundTo(descale(value, exponent), place)}(${error})`, exponent };
}

/** `1.5e-7` and `12.3(4)e8`: what a script can read and a terminal can show. */
export const printNotation = ({ mantissa, exponent }: Notation): string =>
  exponent === 0 ? mantissa : `${mantissa}e${exponent}`;

/**
 * value ± standardError as text.
 *
 * @example
 * ```ts
 * concise(0.128431, 0.0000904); // "0.12843(9)"
 * ```
 */
export const concise = (value: number, standardError: number): string =>
  printNotation(conciseNotation(value, standardError));

/** A number without an error, six significant digits at most. */
export const plain = (x: number, digits = 6): string => printNotation(plainNotation(x, digits));

/** Digits a prediction needs beside an estimate: two places beyond the error's first. */
export function comparableDigits(predicted: number, standardError: number): number {
  if (!(standardError > 0) || !Number.isFinite(predicted) || predicted === 0) return 6;
  const digits = leadingExponent(Math.abs(predicted)) - leadingExponent(standardError) + 2;
  return Math.min(15, Math.max(6, digits));
}

/** A z score: sign always, one decimal up to 100. */
export function printZ(z: number | null): string {
  if (z === null) return "";
  if (Number.isNaN(z)) return "NaN";
  if (!Number.isFinite(z)) return z > 0 ? "+∞" : "-∞";
  const size = Math.abs(z);
  const text =
    size >= 1e5
      ? z.toExponential(0).replace("e+", "e")
      : unsignZero(z.toFixed(size >= 100 ? 0 : 1));
  return text.startsWith("-") ? text : `+${text}`;
}

/** 12.3 M: three significant digits and an SI prefix, for rates. */
export function siPrefixed(x: number): string {
  const prefixes = ["", " k", " M", " G", " T", " P"];
  if (!(x > 0) || !Number.isFinite(x)) return "0";
  let rank = Math.min(prefixes.length - 1, Math.max(0, Math.floor(leadingExponent(x) / 3)));
  // 999.9 rounds to 1000, which belongs to the next prefix.
  if (Number((x / 1000 ** rank).toPrecision(3)) >= 1000 && rank < prefixes.length - 1) rank += 1;
  return `${Number((x / 1000 ** rank).toPrecision(3))}${prefixes[rank]}`;
}

/** Seconds as `4.2 s`, `3 min 20 s`, `2 h 05 min`. */
export function printDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}
