/**
 * Extreme eigenpairs of the Hessian of every replica: Lanczos on the host in float64, lane by lane,
 * products on the device for all lanes at once.
 *
 * Left out: eigenvalues equal to rounding, of which one direction is found unless the iteration spans
 * the whole space; the middle of the spectrum.
 */
import { dot } from "../dot.ts";
import { ArgumentError, RefusalError } from "../errors.ts";
import type { EigenpairsRecord } from "../record.ts";
import type { Slice } from "../run/dataPass.ts";
import type { LaneAccess, Lender } from "../run/laneAccess.ts";
import { openHessianPass } from "./hessianPass.ts";
import type { HessianPass } from "./hessianProductsPass.ts";
import { type Lanczos, lanczos } from "./lanczos.ts";
import { laneField, measureInfo } from "./measureRecord.ts";
import { probeNormals } from "./probes.ts";
import { firstLane, type MeasureOptions, requireCount, requireData, slicesOf } from "./slices.ts";

export interface EigenpairOptions extends MeasureOptions {
  /** How many, at most the number of parameters. */
  readonly count: number;
  /** Largest first, or least first; `top` unless given. */
  readonly end?: "top" | "bottom";
  /** Of a residual, relative to the largest |eigenvalue| that is seen; 10⁻⁴ unless given. */
  readonly tolerance?: number;
  /** Lanczos vectors, at most; 256 unless given, and never more than parameters. */
  readonly iterations?: number;
}

const TOLERANCE = 1e-4;
const ITERATIONS = 256;
/** Steps between two looks at the residuals: T is small, but not free to diagonalize. */
const LOOK = 5;
/** Bytes of Lanczos vectors that a slice of lanes may hold on the host. */
const BASIS_BYTES = 1 << 28;

interface Checked {
  readonly count: number;
  readonly end: "top" | "bottom";
  readonly tolerance: number;
  readonly iterations: number;
  readonly signal: AbortSignal | undefined;
}

function checked(where: string, options: EigenpairOptions, params: number): Checked {
  const { count, end = "top", tolerance = TOLERANCE, iterations = ITERATIONS, signal } = options;
  requireCount(where, "count", count);
  requireCount(where, "iterations", iterations);
  if (count > params) {
    throw new ArgumentError(
      `${where}: count is ${count}, the Hessian of ${params} parameters has as many eigenpairs; ` +
        `give at most ${params}.`,
    );
  }
  if (end !== "top" && end !== "bottom") {
    throw new ArgumentError(`${where}: end is "${end}"; use "top" or "bottom".`);
  }
  if (!(tolerance > 0 && tolerance < 1)) {
    throw new ArgumentError(
      `${where}: tolerance is ${tolerance}; give a relative residual between 0 and 1.`,
    );
  }
  const most = Math.min(params, Math.max(iterations, count));
  return { count, end, tolerance, iterations: most, signal };
}

/**
 * The largest (or least) eigenvalues of H(θ) with their eigenvectors and residuals, of every replica.
 *
 * H u = h u, H = ∇²f, f = (1/N) Σ l_i + (λ/2)|θ|². Values and residuals [pair, condition, replica] in
 * loss/θ², vectors [pair, condition, replica, param]. Error: an eigenvalue of H lies within `residuals`
 * of each value, which is a Rayleigh quotient and so off by about residual²/gap only; float32 products
 * let no residual fall below about 10⁻⁶ of the largest eigenvalue. Cost: a pass over the data (N products)
 * for each Lanczos vector, several for each pair (`products` in the Record), and m² P multiply-adds for m
 * vectors of P parameters and each replica on the host, which may be more. NaN for frozen replicas.
 *
 * @throws ArgumentError for a model that draws its samples, and options that are none.
 * @throws RefusalError<EigenpairsRecord> when a residual stays above the tolerance; it carries the Record.
 * @see B. N. Parlett, The Symmetric Eigenvalue Problem (1998), chapter 13
 * @example
 * const { values, residuals } = await topEigenpairs(ensemble, { count: 8 });
 */
export function topEigenpairs(
  ensemble: Lender,
  options: EigenpairOptions,
): Promise<EigenpairsRecord> {
  const where = "topEigenpairs";
  return ensemble.lend(where, async (access) => {
    requireData(where, access);
    const params = access.resolved.model.parameterCount;
    const request = checked(where, options, params);
    const frozen = await access.memory.readFrozen();
    const pairs: [string, number][] = [["pair", request.count]];
    const out = {
      values: laneField(access, "loss/θ²", pairs),
      residuals: laneField(access, "loss/θ²", pairs),
      vectors: laneField(access, "1", pairs, [["param", params]]),
    };
    for (const { data } of Object.values(out)) data.fill(Number.NaN);
    const pass = await openHessianPass(access, 1);
    const basisBytes = 8 * params * request.iterations;
    const widest = Math.max(1, Math.min(pass.widest, Math.floor(BASIS_BYTES / basisBytes)));
    let products = 0;
    const scales = new Float64Array(access.resolved.lanes);
    try {
      for (const slice of slicesOf(access, widest)) {
        const solved = await solve({ access, slice, pass, frozen, request });
        products = Math.max(products, solved.products + request.count);
        scales.set(solved.scales, firstLane(slice));
        await verify({ access, slice, pass, request }, solved, out);
      }
    } finally {
      pass.destroy();
    }
    const { end } = request;
    const record = { kind: "eigenpairs" as const, ...measureInfo(access), end, ...out, products };
    requireConverged(where, record, { frozen, scales, request });
    return record;
  });
}

interface Work {
  readonly access: LaneAccess;
  readonly slice: Slice;
  readonly pass: HessianPass;
  readonly request: Checked;
}

/** Lanczos of each lane of a slice; null for frozen lanes and where products are not finite. */
interface Solved {
  readonly lanes: readonly (Lanczos | null)[];
  readonly products: number;
  /** The largest |eigenvalue| that is seen of each. */
  readonly scales: Float64Array;
}

/** H times one vector of each lane; null where there is none. */
async function multiply(
  { slice, pass, access }: Work,
  vectors: readonly (Float64Array | null)[],
): Promise<(Float64Array | null)[]> {
  const params = access.resolved.model.parameterCount;
  const { lanes } = slice;
  const words = new Float32Array(params * lanes);
  vectors.forEach((vector, lane) => {
    if (vector === null) return;
    for (let p = 0; p < params; p += 1) words[p * lanes + lane] = vector[p]!;
  });
  pass.write(words);
  const products = await pass.products(slice);
  return vectors.map((vector, lane) =>
    vector === null
      ? null
      : Float64Array.from({ length: params }, (_, p) => products[p * lanes + lane]!),
  );
}

/** Indices of the wanted Ritz pairs among `m` ascending ones. */
const wanted = ({ count, end }: Checked, m: number): number[] =>
  Array.from({ length: Math.min(count, m) }, (_, k) => (end === "top" ? m - 1 - k : k));

const largest = (values: Float64Array): number =>
  Math.max(Math.abs(values[0]!), Math.abs(values.at(-1)!));

/** Are the wanted pairs of a lane known well enough? Sets its scale. */
function isConverged(one: Lanczos, lane: number, scales: Float64Array, request: Checked): boolean {
  const { spectrum, residuals } = one.ritz();
  scales[lane] = largest(spectrum.eigenvalues);
  // Half of the tolerance: what is measured at the end has the rounding of float32 as well.
  const most = 0.5 * request.tolerance * scales[lane];
  return wanted(request, residuals.length).every((k) => residuals[k]! <= most);
}

/** Each lane goes on until its own pairs are known: what it finds does not depend on the others. */
async function solve(work: Work & { readonly frozen: Int32Array }): Promise<Solved> {
  const { access, slice, request, frozen } = work;
  const lanes: (Lanczos | null)[] = Array.from({ length: slice.lanes }, (_, k) => {
    const lane = firstLane(slice) + k;
    return frozen[lane]! >= 0 ? null : lanczos((vector) => probeNormals(access, lane, vector));
  });
  const isDone = new Uint8Array(slice.lanes);
  const scales = new Float64Array(slice.lanes);
  let products = 0;
  while (products < request.iterations) {
    request.signal?.throwIfAborted();
    const vectors = lanes.map((one, lane) => (isDone[lane] ? null : (one?.next() ?? null)));
    if (vectors.every((vector) => vector === null)) break;
    const results = await multiply(work, vectors);
    products += 1;
    results.forEach((product, lane) => {
      if (product === null) return;
      if (product.every(Number.isFinite)) lanes[lane]!.take(product);
      else lanes[lane] = null;
    });
    const isLast = products === request.iterations;
    if (products < request.count || (products % LOOK !== 0 && !isLast)) continue;
    lanes.forEach((one, lane) => {
      if (one && !isDone[lane] && isConverged(one, lane, scales, request)) isDone[lane] = 1;
    });
  }
  return { lanes, products, scales };
}

/** Values and residuals as the device's products have them. */
async function verify(
  work: Work,
  { lanes }: Solved,
  out: Readonly<Record<"values" | "residuals" | "vectors", { readonly data: Float64Array }>>,
): Promise<void> {
  const { access, slice, request } = work;
  const { lanes: all, model } = access.resolved;
  const params = model.parameterCount;
  const ritz = lanes.map((one) => one?.ritz().spectrum ?? null);
  for (let k = 0; k < request.count; k += 1) {
    request.signal?.throwIfAborted();
    const vectors = lanes.map((one, lane) => {
      const found = ritz[lane];
      if (!one || !found) return null;
      return one.vector(found.eigenvectors[wanted(request, found.eigenvalues.length)[k]!]!);
    });
    const products = await multiply(work, vectors);
    products.forEach((product, lane) => {
      if (product === null) return;
      const u = vectors[lane]!;
      const value = dot(u, product);
      const at = k * all + firstLane(slice) + lane;
      const squares = product.reduce((sum, x, p) => sum + (x - value * u[p]!) ** 2, 0);
      out.values.data[at] = value;
      out.residuals.data[at] = Math.sqrt(squares);
      out.vectors.data.set(u, at * params);
    });
  }
}

function requireConverged(
  where: string,
  record: EigenpairsRecord,
  {
    frozen,
    scales,
    request: { count, tolerance, iterations },
  }: {
    readonly frozen: Int32Array;
    readonly scales: Float64Array;
    readonly request: Checked;
  },
): void {
  const lanes = frozen.length;
  let lost = 0;
  let worst = 0;
  for (let lane = 0; lane < lanes; lane += 1) {
    if (frozen[lane]! >= 0) continue;
    const residuals = Array.from(
      { length: count },
      (_, k) => record.residuals.data[k * lanes + lane]!,
    );
    const residual = Math.max(...residuals) / (scales[lane]! || 1);
    if (residual <= tolerance) continue;
    lost += 1;
    if (!(residual <= worst)) worst = residual;
  }
  if (lost === 0) return;
  throw new RefusalError<EigenpairsRecord>(
    `${where}: in ${lost} of ${lanes} replicas a residual is above ${tolerance} of the largest ` +
      `|eigenvalue| (${worst.toPrecision(2)}) after ${iterations} Lanczos vectors; raise iterations or ` +
      "tolerance, or ask for fewer pairs.",
    record,
  );
}
