/** What the Ornstein–Uhlenbeck reference may be told, and the processes it knows by name. */
import { z } from "zod";
import { ArgumentError } from "../../engine/errors.ts";
import { replicas } from "../parameters.ts";

type Rows = readonly [readonly [number, number], readonly [number, number]];

/** Card E1. */
const PRESETS: Readonly<Record<"iso" | "aniso" | "gyrator", { a: number[]; d: number[] }>> = {
  iso: { a: [1, -2, 2, 1], d: [1, 0, 1] },
  aniso: { a: [1, -2, 2, 1], d: [1, 0, 0.25] },
  gyrator: { a: [2, 1, 1, 2], d: [1, 0, 0.2] },
};

const matrix = (entries: number, describe: string) =>
  z
    .union([z.literal("preset"), z.array(z.number()).length(entries)])
    .default("preset")
    .describe(`${describe}; preset: that of the preset`);

export const ouSettings = z.object({
  preset: z
    .enum(["iso", "aniso", "gyrator"])
    .default("aniso")
    .describe("A and D where they are not given: of card E1"),
  a: matrix(4, "drift A as a11,a12,a21,a22 [1/time]"),
  d: matrix(3, "diffusion D as d11,d12,d22, positive definite [x²/time]"),
  timeStep: z.number().positive().default(0.01).describe("dt between two states [time]"),
  integrator: z
    .enum(["exact", "euler"])
    .default("exact")
    .describe("the process seen every dt, or Euler's scheme of step dt"),
  bins: z.number().int().min(2).max(64).default(16).describe("cells of the grid in each direction"),
  reach: z
    .number()
    .positive()
    .max(20)
    .default(3)
    .describe("half width of the grid [standard deviations]"),
  replicas: replicas(10_000),
  steps: z
    .union([z.literal("auto"), z.number().int().min(2)])
    .default("auto")
    .describe(
      "observed states of each replica; auto: what precision takes, 4000 at least and 40000 at most " +
        "[steps]",
    ),
  precision: z
    .number()
    .min(1e-5)
    .max(1)
    .default(0.003)
    .describe("relative standard error of the area rate that automatic steps aim at [1]"),
  burnIn: z
    .number()
    .int()
    .min(0)
    .default(0)
    .describe("steps before observing; the start is drawn from the stationary law [steps]"),
  paths: z
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(2000)
    .describe("further replicas whose paths are kept for bounds on entropy production; 0: none"),
  pathSteps: z
    .number()
    .int()
    .min(2)
    .max(10_000)
    .default(500)
    .describe("states of each kept path [steps]"),
  neighborLag: z
    .number()
    .int()
    .min(1)
    .default(10)
    .describe("between the two states whose neighbors are looked for [steps]"),
});

export type OuSettings = z.infer<typeof ouSettings>;

/**
 * A and D as rows.
 * @throws ArgumentError when D is not positive definite.
 */
export function ouProcess({ preset, a, d }: OuSettings): { drift: Rows; diffusion: Rows } {
  const [a11, a12, a21, a22] = (a === "preset" ? PRESETS[preset].a : a) as [
    number,
    number,
    number,
    number,
  ];
  const [d11, d12, d22] = (d === "preset" ? PRESETS[preset].d : d) as [number, number, number];
  if (!(d11 > 0 && d11 * d22 - d12 * d12 > 1e-12 * d11 * d22)) {
    throw new ArgumentError(
      `d: ${d11},${d12},${d22} is no positive definite matrix (d11 d22 must exceed d12²); give ` +
        "noise in every direction.",
    );
  }
  return {
    drift: [
      [a11, a12],
      [a21, a22],
    ],
    diffusion: [
      [d11, d12],
      [d12, d22],
    ],
  };
}
