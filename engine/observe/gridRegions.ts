/**
 * Grids of an ensemble together, one after the other in the device buffer: `density`, `flux` and
 * `crossings`, their regions, what they keep of the last record, and their WGSL.
 */
import {
  CROSSINGS_KEPT,
  type CrossingsSpec,
  crossingsCode,
  crossingsKept,
  crossingsWords,
} from "./crossings.ts";
import { type DensitySpec, densityCode, densityWords } from "./density.ts";
import { FLUX_KEPT, type FluxSpec, fluxCode, fluxWords, keptRecord } from "./flux.ts";
import type { QuantityContext } from "./quantity.ts";

export type GridSpec = DensitySpec | FluxSpec | CrossingsSpec;

export interface GridRegion {
  readonly name: string;
  readonly spec: GridSpec;
  /** Offset in words per lane, from the first word of a grid on. */
  readonly at: number;
  /** Words of sums. */
  readonly words: number;
}

export const isGrid = (spec: { readonly kind: string }): spec is GridSpec =>
  spec.kind === "density" || spec.kind === "flux" || spec.kind === "crossings";

const gridWordsOf = (spec: GridSpec): number => {
  if (spec.kind === "density") return densityWords(spec);
  return spec.kind === "flux" ? fluxWords(spec) : crossingsWords(spec);
};

/** The grids, one after the other. */
export function gridRegions(
  observables: Readonly<Record<string, { readonly kind: string }>>,
): GridRegion[] {
  const regions: GridRegion[] = [];
  let at = 0;
  for (const [name, spec] of Object.entries(observables)) {
    if (!isGrid(spec)) continue;
    const words = gridWordsOf(spec);
    regions.push({ name, spec, at, words });
    at += words;
  }
  return regions;
}

/** WGSL of the grids, whose sums begin at word `at` and last records at word `keptAt` of a lane. */
export function gridCode(
  grids: readonly GridRegion[],
  at: number,
  keptAt: number,
  context: QuantityContext,
): { load: string[]; code: string[]; store: string[]; keptWords: number } {
  const load: string[] = [];
  const code: string[] = [];
  const store: string[] = [];
  let keptWords = 0;
  grids.forEach(({ name, spec, at: offset }, k) => {
    const label = `g${k}`;
    code.push(`// ${name}`);
    if (spec.kind === "density") {
      code.push(...densityCode(spec, label, at + offset, context));
      return;
    }
    const isFlux = spec.kind === "flux";
    const kept = (isFlux ? keptRecord : crossingsKept)(label, keptAt + keptWords);
    keptWords += isFlux ? FLUX_KEPT : CROSSINGS_KEPT;
    load.push(...kept.load);
    const place = at + offset;
    code.push(
      ...(isFlux
        ? fluxCode(spec, label, place, context)
        : crossingsCode(spec, label, place, context)),
    );
    store.push(...kept.store);
  });
  return { load, code, store, keptWords };
}
