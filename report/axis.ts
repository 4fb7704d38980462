/**
 * Domains, ticks and tick labels of one axis, linear or logarithmic.
 *
 * Log axes keep their ticks sparse: decades (every second, third, … of them on long axes), with 2
 * and 5 between them on short ones, and linear ticks below one decade. All labels of an axis have
 * one format. Categories are ticks with names, see `nameTicks`. Leaves out dates.
 */

export interface AxisLayout {
  readonly scale: "linear" | "log";
  readonly domain: readonly [number, number];
  /** Labelled ticks. */
  readonly ticks: readonly number[];
  /** Unlabelled ticks between them, log axes only. */
  readonly minorTicks: readonly number[];
  readonly format: (tick: number) => string;
}

const SUPERSCRIPTS: Readonly<Record<string, string>> = {
  "-": "⁻",
  "0": "⁰",
  "1": "¹",
  "2": "²",
  "3": "³",
  "4": "⁴",
  "5": "⁵",
  "6": "⁶",
  "7": "⁷",
  "8": "⁸",
  "9": "⁹",
};

const superscript = (exponent: number): string =>
  [...String(exponent)].map((digit) => SUPERSCRIPTS[digit]).join("");

const powerLabel = (mantissa: string, exponent: number): string => {
  if (exponent === 0) return mantissa;
  const power = exponent === 1 ? "10" : `10${superscript(exponent)}`;
  return mantissa === "1" ? power : `${mantissa}×${power}`;
};

/** 10^exponent, exact to the last digit for the powers that have a decimal literal. */
const tenTo = (exponent: number): number => Number(`1e${exponent}`);

/** Multiples of 1, 2 or 5 times a power of ten inside the domain, about `count` of them. */
export function linearTicks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / Math.max(1, count);
  if (!(raw > 0)) return [low];
  const power = Math.floor(Math.log10(raw));
  const ratio = raw / tenTo(power);
  // Bounds are geometric means, so that the step nearest in ratio is taken.
  const step = ratio < Math.SQRT2 ? 1 : ratio < Math.sqrt(10) ? 2 : ratio < Math.sqrt(50) ? 5 : 10;
  const ticks: number[] = [];
  const first = Math.ceil(low / (step * tenTo(power)) - 1e-9);
  for (let k = first; ; k += 1) {
    const tick = Number(`${k * step}e${power}`);
    if (tick > high + (high - low) * 1e-9) return ticks;
    ticks.push(tick);
  }
}

/** Decimal digits after the point that tell all of `ticks` apart. */
const decimals = (ticks: readonly number[]): number =>
  Math.max(
    0,
    ...ticks.map((tick) => {
      const [mantissa, exponent] = tick.toExponential().split("e") as [string, string];
      return Math.max(0, (mantissa.split(".")[1]?.length ?? 0) - Number(exponent));
    }),
  );

/** One format for all ticks: plain decimals, or a common power of ten when they are long. */
function commonFormat(ticks: readonly number[]): (tick: number) => string {
  const sizes = ticks.map(Math.abs).filter((size) => size > 0);
  const places = decimals(ticks);
  const isShort = Math.max(0, ...sizes) < 1e6 && places <= 4;
  if (isShort || sizes.length === 0) return (tick) => tick.toFixed(places).replace("-", "−");
  const exponent = Math.floor(Math.log10(Math.min(...sizes)) + 1e-12);
  const scaled = ticks.map((tick) => Number((tick / tenTo(exponent)).toPrecision(12)));
  const scaledPlaces = decimals(scaled);
  return (tick) => {
    if (tick === 0) return "0";
    const mantissa = (tick / tenTo(exponent)).toFixed(scaledPlaces).replace("-", "−");
    return powerLabel(mantissa, exponent);
  };
}

function logFormat(ticks: readonly number[]): (tick: number) => string {
  const exponents = ticks.map((tick) => Math.floor(Math.log10(tick) + 1e-9));
  if (Math.min(...exponents) >= -3 && Math.max(...exponents) <= 3) return (tick) => String(tick);
  return (tick) => {
    const exponent = Math.floor(Math.log10(tick) + 1e-9);
    return powerLabel(String(Math.round(tick / tenTo(exponent))), exponent);
  };
}

type LogTicks = Pick<AxisLayout, "ticks" | "minorTicks" | "format">;

/** Ticks of a log axis, and the unlabelled ones between. */
function logTicks(low: number, high: number, count: number): LogTicks {
  const inside = (tick: number) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9);
  const first = Math.floor(Math.log10(low) - 1e-9);
  const last = Math.ceil(Math.log10(high) + 1e-9);
  const multiples = (mantissas: readonly number[], stride: number): number[] => {
    const ticks: number[] = [];
    const start = Math.ceil(first / stride) * stride;
    for (let exponent = start; exponent <= last; exponent += stride) {
      for (const mantissa of mantissas) ticks.push(Number(`${mantissa}e${exponent}`));
    }
    return ticks.filter(inside);
  };
  const dense = multiples([1, 2, 5], 1);
  const decades = multiples([1], 1);
  if (dense.length < 3) {
    const ticks = linearTicks(low, high, count).filter(inside);
    return { ticks, minorTicks: [], format: commonFormat(ticks) };
  }
  const stride = Math.max(1, Math.ceil(decades.length / count));
  const ticks = dense.length <= count && decades.length < 4 ? dense : multiples([1], stride);
  const between = decades.length <= 8 ? multiples([1, 2, 3, 4, 5, 6, 7, 8, 9], 1) : decades;
  const minorTicks = between.filter((tick) => !ticks.includes(tick));
  return { ticks, minorTicks, format: logFormat(ticks) };
}

/** The same axis with names in the places of `ticks` inside the domain, and no numbers. */
export function nameTicks(
  axis: AxisLayout,
  ticks: readonly { readonly at: number; readonly label: string }[],
): AxisLayout {
  const [low, high] = axis.domain;
  const shown = ticks.filter(({ at }) => at >= low && at <= high);
  const names = new Map(shown.map(({ at, label }) => [at, label]));
  return {
    ...axis,
    ticks: shown.map(({ at }) => at),
    minorTicks: [],
    format: (tick) => names.get(tick) ?? "",
  };
}

/** Finite numbers an axis can show: on a log axis the positive ones. */
export const isDrawable = (x: number, scale: "linear" | "log"): boolean =>
  Number.isFinite(x) && (scale === "linear" || x > 0);

/**
 * Layout of an axis for `values`; `count` is the number of labels that fit.
 *
 * `padding` is the share of the range left free at both ends. Values that are not drawable do not
 * count; with none at all the domain is [0, 1], or [1, 10] on a log axis.
 */
export function layoutAxis(
  values: readonly number[],
  scale: "linear" | "log",
  count: number,
  padding: number,
): AxisLayout {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (!isDrawable(value, scale)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = scale === "log" ? [1, 10] : [0, 1];
  if (scale === "log") {
    const pad = low === high ? Math.log(2) : Math.log(high / low) * padding;
    const domain = [low * Math.exp(-pad), high * Math.exp(pad)] as const;
    return { scale, domain, ...logTicks(domain[0], domain[1], count) };
  }
  const pad = low === high ? Math.abs(low) / 2 || 1 : (high - low) * padding;
  const domain = [low - pad, high + pad] as const;
  const ticks = linearTicks(domain[0], domain[1], count);
  return { scale, domain, ticks, minorTicks: [], format: commonFormat(ticks) };
}
