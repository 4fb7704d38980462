/**
 * All observables of an ensemble together: their regions in the device buffers and their WGSL.
 *
 * `series` is [quantity, slot, lane], `moments` [sum or ring entry, lane], `observation` read-only
 * [projection coefficients, then pilot means by coordinate and condition]. A buffer that no
 * observable needs is not declared, so the default path stays at eight storage buffers or fewer.
 */
import { ArgumentError } from "../errors.ts";
import type { Model } from "../model.ts";
import { isOnline } from "../modelDraws.ts";
import { isFullData, requireDirection } from "./fullData.ts";
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

export type ObservableSpec = SeriesSpec | MomentsSpec | SnapshotSpec;
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

export interface ObservationPlan {
  readonly series: readonly SeriesRegion[];
  readonly moments: readonly MomentsRegion[];
  readonly snapshots: readonly { readonly name: string; readonly spec: SnapshotSpec }[];
  /** Words per lane of the two accumulating buffers. */
  readonly seriesWords: number;
  readonly momentsWords: number;
  /** Initial content of the `observation` buffer; pilot means are filled in when observing begins. */
  readonly constants: Float32Array<ArrayBuffer>;
  /** Steps between two readbacks. */
  readonly window: number;
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
  const code: string[] = [];
  const load: string[] = [];
  const store: string[] = [];
  let seriesWords = 0;
  let momentsWords = 0;
  for (const [name, spec] of Object.entries(observables)) {
    const label = `o${series.length + moments.length}`;
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
  return {
    series,
    moments,
    snapshots,
    seriesWords,
    momentsWords,
    constants: Float32Array.from(constants),
    window,
    declarations: declarations(seriesWords > 0, momentsWords > 0, constants.length > 0),
    load: indented(load, 2),
    code: code.length === 0 ? "" : indented(["let rel = step - run.observe_first;", ...code], 4),
    store: indented(store, 2),
  };
}

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
