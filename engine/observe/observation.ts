/**
 * All observables of an ensemble together: their regions in the device buffers and their WGSL.
 *
 * `series` is [quantity, slot, lane], `moments` [sum or ring entry, then cells of grids and histograms,
 * then last records, then origins of displacements; lane], `observation` read-only [projection
 * coefficients, forms, pilot means by coordinate and condition, lags]. A buffer that no observable
 * needs is not declared, so the default path
 * stays at eight storage buffers or fewer.
 */
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";
import { isOnline } from "../modelDraws.ts";
import {
  type DisplacementPlace,
  type DisplacementSpec,
  displacementCode,
  displacementFunctionWords,
  displacementSize,
  displacementSums,
} from "./displacement.ts";
import {
  type EntropyLayout,
  type EntropyProductionSpec,
  entropyLayout,
} from "./entropyProduction.ts";
import { entropyCode, entropyConstants } from "./entropyProductionCode.ts";
import { isFullData, requireDirection } from "./fullData.ts";
import { type GridRegion, type GridSpec, gridCode, gridRegions, isGrid } from "./gridRegions.ts";
import {
  localSums,
  type MomentsLayout,
  type MomentsSpec,
  momentsCode,
  momentsLayout,
} from "./moments.ts";
import { type QuantityContext, quantityName } from "./quantity.ts";
import { kernelQuantities, type SeriesSpec, seriesCode, windowSlots } from "./series.ts";
import type { SnapshotSpec } from "./snapshot.ts";

export type ObservableSpec =
  | SeriesSpec
  | MomentsSpec
  | SnapshotSpec
  | GridSpec
  | DisplacementSpec
  | EntropyProductionSpec;
export type Observables = Readonly<Record<string, ObservableSpec>>;

export interface SeriesRegion {
  readonly name: string;
  readonly spec: SeriesSpec;
  /** Offset in words per lane. */
  readonly at: number;
  readonly slots: number;
}

export interface MomentsRegion {
  readonly name: string;
  readonly spec: MomentsSpec;
  readonly layout: MomentsLayout;
  readonly at: number;
  /** Offset of the pilot means in the `observation` buffer, [coordinate, condition]. */
  readonly referenceAt: number;
}

export interface DisplacementRegion extends DisplacementPlace {
  readonly name: string;
  readonly spec: DisplacementSpec;
  /** Words of an origin. */
  readonly size: number;
}

export interface EntropyRegion {
  readonly name: string;
  readonly spec: EntropyProductionSpec;
  readonly layout: EntropyLayout;
  /** Offset of the sums in words per lane. */
  readonly at: number;
  /** Offset of the histograms, from the first word of a grid on. */
  readonly binsAt: number;
}

export interface ObservationPlan {
  readonly series: readonly SeriesRegion[];
  readonly moments: readonly MomentsRegion[];
  readonly grids: readonly GridRegion[];
  readonly displacements: readonly DisplacementRegion[];
  readonly entropies: readonly EntropyRegion[];
  readonly snapshots: readonly { readonly name: string; readonly spec: SnapshotSpec }[];
  /** Words per lane of the two accumulating buffers. */
  readonly seriesWords: number;
  readonly momentsWords: number;
  /** Words of grids and histograms, behind those of the moments in the same buffer. */
  readonly gridWords: number;
  /** Words of last records, of fluxes and entropy production, behind those. */
  readonly keptWords: number;
  /** Words of the displacements' origins, behind those. */
  readonly originWords: number;
  /** Words of function memory that displacements take, where it is bounded. */
  readonly functionWords: number;
  /** Variables to which the update adds |θ_{t+1} − θ_t|². */
  readonly stepSquares: readonly string[];
  /** Initial content of the `observation` buffer; pilot means are filled in when observing begins. */
  readonly constants: Float32Array<ArrayBuffer>;
  /** Steps between two readbacks. */
  readonly window: number;
  /** Files below `shaders/` that the code calls. */
  readonly imports: readonly string[];
  /** WGSL for the schedule's slots. */
  readonly declarations: string;
  readonly load: string;
  readonly code: string;
  readonly store: string;
}

export interface ObservationRequest {
  readonly model: Model;
  readonly observables: Observables;
  readonly conditions: number;
  readonly hasVelocity: boolean;
  /** Does the learning rate find itself? Not, unless said. */
  readonly adapts?: boolean;
  /** Steps between two readbacks; `plan/window.ts` chooses it. */
  readonly window: number;
  /** Loops of up to so many iterations are written out; all are, unless said. */
  readonly unroll?: number;
}

/** Why a model that draws its samples has no loss over data, and what to do. */
export const noFullLoss = ({ name }: Model): string =>
  `the full loss is a mean over a data set, and ${name} draws its samples; declare a metric that is ` +
  "the expected loss as a function of the parameters, and take it with evaluate.";

export function planObservation(request: ObservationRequest): ObservationPlan {
  const { model, observables, conditions, hasVelocity, adapts = false, window } = request;
  const constants: number[] = [];
  const context: QuantityContext = {
    model,
    hasVelocity,
    adapts,
    conditions,
    place: (vector) => {
      constants.push(...vector);
      return constants.length - vector.length;
    },
  };
  const series: SeriesRegion[] = [];
  const moments: MomentsRegion[] = [];
  const snapshots: { name: string; spec: SnapshotSpec }[] = [];
  const grids = gridRegions(observables);
  const code: string[] = [];
  const load: string[] = [];
  const store: string[] = [];
  let seriesWords = 0;
  let momentsWords = 0;
  for (const [name, spec] of Object.entries(observables)) {
    const label = `o${series.length + moments.length}`;
    if (isGrid(spec) || spec.kind === "displacement" || spec.kind === "entropyProduction") continue;
    if (spec.kind === "series") {
      for (const name of spec.of.map(quantityName).filter(isFullData)) {
        if (isOnline(model)) throw new ArgumentError(`observables: ${noFullLoss(model)}`);
        requireDirection("observables", name, hasVelocity);
      }
      const slots = windowSlots(spec.every, window);
      const region = { name, spec, at: seriesWords, slots };
      seriesWords += kernelQuantities(spec).length * slots;
      series.push(region);
      if (kernelQuantities(spec).length > 0) {
        code.push(`// ${name}`, ...seriesCode(spec, label, region.at, slots, context));
      }
    } else if (spec.kind === "moments") {
      const layout = momentsLayout(spec, context);
      const referenceAt = context.place(new Array(layout.coordinates.length * conditions).fill(0));
      const region = { name, spec, layout, at: momentsWords, referenceAt };
      momentsWords += layout.words;
      moments.push(region);
      const local = localSums(layout, label, region.at);
      load.push(...local.load);
      store.push(...local.store);
      code.push(`// ${name}`, ...momentsCode(spec, layout, label, region.at, referenceAt, context));
    } else {
      snapshots.push({ name, spec });
    }
  }
  const cells = grids.reduce((sum, { words }) => sum + words, 0);
  const sums = momentsWords;
  momentsWords += displacementWords(observables);
  const entropies = entropyRegions(observables, { at: momentsWords, binsAt: cells }, context);
  momentsWords = entropies.reduce((sum, { layout }) => sum + layout.sums, momentsWords);
  const gridWords = entropies.reduce((sum, { layout }) => sum + layout.binWords, cells);
  const keptAt = momentsWords + gridWords;
  const counting = gridCode(grids, momentsWords, keptAt, context);
  const producing = entropiesCode(
    entropies,
    { at: momentsWords, keptAt: keptAt + counting.keptWords },
    context,
  );
  const keptWords = counting.keptWords + producing.keptWords;
  const moving = displacementRegions(request, sums, keptAt + keptWords, context);
  load.push(...counting.load, ...producing.load, ...moving.load);
  code.push(...counting.code, ...producing.code);
  store.push(...counting.store, ...producing.store, ...moving.store);
  return {
    series,
    moments,
    grids,
    displacements: moving.regions,
    entropies,
    snapshots,
    seriesWords,
    momentsWords,
    gridWords,
    keptWords,
    originWords: moving.regions.reduce((sum, { spec, size }) => sum + spec.origins * size, 0),
    functionWords: moving.functionWords,
    stepSquares: moving.stepSquares,
    constants: Float32Array.from(constants),
    window,
    imports: entropies.length > 0 ? ["lib/exp_minus_one"] : [],
    declarations: [
      declarations(seriesWords > 0, momentsWords + gridWords > 0, constants.length > 0),
      ...moving.declarations,
    ].join("\n"),
    load: indented(load, 2),
    code: recordingCode(code, moving.code),
    store: indented(store, 2),
  };
}

/** Words of sums of all displacements. */
const displacementWords = (observables: Observables): number =>
  Object.values(observables).reduce(
    (sum, spec) => sum + (spec.kind === "displacement" ? displacementSums(spec) : 0),
    0,
  );

/** The displacements, whose sums begin at word `at` and origins at word `originsAt` of a lane. */
function displacementRegions(
  { observables, model, unroll = Infinity }: ObservationRequest,
  at: number,
  originsAt: number,
  context: QuantityContext,
) {
  const regions: DisplacementRegion[] = [];
  const code = { declarations: [], load: [], code: [], store: [] } as Record<
    "declarations" | "load" | "code" | "store",
    string[]
  >;
  const stepSquares: string[] = [];
  let functionWords = 0;
  for (const [name, spec] of Object.entries(observables)) {
    if (spec.kind !== "displacement") continue;
    const size = displacementSize(spec, model.parameterCount);
    const place = { at, originsAt, beganAt: context.place([0, 0]) };
    const label = `d${regions.length}`;
    const own = displacementCode(spec, label, place, { ...context, unroll });
    regions.push({ name, spec, size, ...place });
    code.declarations.push(...own.declarations);
    code.load.push(...own.load);
    code.code.push(`// ${name}`, ...own.code);
    code.store.push(...own.store);
    at += displacementSums(spec);
    originsAt += spec.origins * size;
    functionWords += displacementFunctionWords(spec);
    if (own.stepSquare !== null) stepSquares.push(own.stepSquare);
  }
  return { regions, functionWords, stepSquares, ...code };
}

/** Sums begin at word `at` of a lane, histograms at word `binsAt` of the grids. */
function entropyRegions(
  observables: Observables,
  from: { readonly at: number; readonly binsAt: number },
  context: QuantityContext,
): EntropyRegion[] {
  let { at, binsAt } = from;
  return Object.entries(observables).flatMap(([name, spec]) => {
    if (spec.kind !== "entropyProduction") return [];
    const layout = entropyLayout(spec, context);
    const region = { name, spec, layout, at, binsAt };
    at += layout.sums;
    binsAt += layout.binWords;
    return [region];
  });
}

/** WGSL of entropy production; grids begin at word `at` of a lane, last records at `keptAt`. */
function entropiesCode(
  regions: readonly EntropyRegion[],
  { at, keptAt }: { readonly at: number; readonly keptAt: number },
  context: QuantityContext,
): { load: string[]; code: string[]; store: string[]; keptWords: number } {
  const load: string[] = [];
  const code: string[] = [];
  const store: string[] = [];
  let keptWords = 0;
  regions.forEach((region, k) => {
    const { name, spec, layout } = region;
    const places = {
      label: `p${k}`,
      at: region.at,
      binsAt: at + region.binsAt,
      keptAt: keptAt + keptWords,
      constantsAt: context.place(entropyConstants(spec, layout)),
    };
    const own = entropyCode(spec, layout, places, context);
    keptWords += layout.kept;
    load.push(...own.load);
    code.push(`// ${name}`, ...own.code);
    store.push(...own.store);
  });
  return { load, code, store, keptWords };
}

/** `counted` takes steps since this call of `observe` began as `rel`. */
const recordingCode = (counted: readonly string[], others: readonly string[]): string => {
  const rel = counted.length === 0 ? [] : ["let rel = step - run.observe_first;"];
  return indented([...rel, ...counted, ...others], 4);
};

const indented = (lines: readonly string[], spaces: number): string =>
  lines.map((line) => `${" ".repeat(spaces)}${line}`).join("\n");

function declarations(series: boolean, moments: boolean, constants: boolean): string {
  return [
    series &&
      "@group(2) @binding(0) var<storage, read_write> series: array<f32>;  // [quantity, slot, lane]",
    moments &&
      "@group(2) @binding(1) var<storage, read_write> moments: array<f32>;  // [sum, lane]",
    constants && "@group(2) @binding(2) var<storage, read> observation: array<f32>;",
  ]
    .filter(Boolean)
    .join("\n");
}
