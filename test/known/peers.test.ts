/**
 * The comparison with other systems: problems and ruler against the engine's float64 reference, the check
 * that a peer must pass, rounds, ratios, table. Nothing is timed and no peer is started.
 */
import { describe, expect, test } from "vitest";
import { type Entry, loadOf, summarize } from "../../bench/peers/comparison.ts";
import { BEGIN, END, printTable, replaceBlock } from "../../bench/peers/markdown.ts";
import { drawFrom, plainTraining } from "../../bench/peers/plainTraining.ts";
import { fromPeers, PROBLEMS, type Problem, problemOf } from "../../bench/peers/problem.ts";
import { CHECK_STEPS, firstComplaint, type Run, rotated } from "../../bench/peers/rounds.ts";
import { disagreement, meanOf, RULED_SAMPLES, replicaLosses } from "../../bench/peers/ruler.ts";
import type { Workload } from "../../bench/workload.ts";
import { workloads } from "../../bench/workloads.ts";
import { compileReference } from "../../engine/reference.ts";

/** A workload with few replicas. */
const few = (id: string, replicas: number): Workload => ({
  ...workloads.find((one) => one.id === id)!,
  replicas,
});

/** Loss and gradient of one replica at one sample, by the engine's reference. */
function referenceOf({ model, start }: Workload) {
  const { data } = start(0);
  const run = compileReference([model.loss, ...model.gradients]);
  return (theta: ArrayLike<number>, i: number): number[][] => {
    const params = Object.fromEntries(
      model.params.map(({ name, offset, size }) => [
        name,
        Float64Array.from({ length: size }, (_, k) => theta[offset + k]!),
      ]),
    );
    const sample = Object.fromEntries(
      Object.entries(data.fields).map(([name, { data: values, shape }]) => {
        const width = shape[0] ?? 1;
        return [name, Float64Array.from({ length: width }, (_, k) => values[i * width + k]!)];
      }),
    );
    return run({ params, sample }).map((values) => Array.from(values));
  };
}

describe.each(PROBLEMS)("%s", (id) => {
  const workload = few(id, 2);
  const problem = problemOf(workload);
  const referenceAt = referenceOf(workload);

  test("weights go to the peers' order and back", () => {
    expect(fromPeers(workload, problem.theta)).toEqual(workload.start(2).theta);
  });

  test("the ruler measures the model's loss", () => {
    const theta = fromPeers(workload, problem.theta);
    const count = workload.model.parameterCount;
    const losses = replicaLosses(problem, problem.theta);
    const samples = id === "w3" ? 8 : RULED_SAMPLES;
    const sizes = { ...problem.sizes, samples };
    const first = replicaLosses({ ...problem, sizes }, problem.theta);
    for (const r of [0, 1]) {
      const own = theta.subarray(r * count, (r + 1) * count);
      const exact = Array.from({ length: samples }, (_, i) => referenceAt(own, i)[0]![0]!);
      expect(Math.abs(first[r]! / meanOf(exact) - 1)).toBeLessThan(1e-12);
    }
    expect(losses).toHaveLength(2);
  });

  test("plain training takes the step of the engine's gradient", () => {
    const before = fromPeers(workload, problem.theta);
    const drawn: number[] = [];
    const draw = drawFrom(problem.sizes.samples, 5);
    const recorded = (): number => {
      drawn.push(draw());
      return drawn.at(-1)!;
    };
    const theta = Float64Array.from(problem.theta);
    plainTraining(problem, theta, recorded)(1);
    const after = fromPeers(workload, Float32Array.from(theta));
    const { model, batchSize, learningRate } = workload;
    const count = model.parameterCount;
    const gradient = new Float64Array(count);
    for (const i of drawn.slice(0, batchSize)) {
      const [, ...parts] = referenceAt(before.subarray(0, count), i);
      parts.flat().forEach((value, k) => {
        gradient[k]! += value / batchSize;
      });
    }
    const moved = gradient.map((_, k) => (before[k]! - after[k]!) / learningRate);
    const scale = Math.max(...gradient.map(Math.abs));
    // after is rounded to float32: half a unit of weights below 4, over the learning rate.
    const tolerance = (4 * 2 ** -24) / learningRate + 1e-9 * scale;
    expect(Math.max(...moved.map((value, k) => Math.abs(value - gradient[k]!)))).toBeLessThan(
      tolerance,
    );
    expect(scale).toBeGreaterThan(100 * tolerance);
  });
});

describe("the check that a peer must pass", () => {
  /** Losses after a training with draws of its own. */
  function trained(problem: Problem, seed: number, theta: Float32Array | Float64Array) {
    const { id, samples } = problem.sizes;
    plainTraining(problem, theta, drawFrom(samples, seed))(CHECK_STEPS[id]!);
    return replicaLosses(problem, theta);
  }

  test.each([
    ["w1", 1.15],
    ["w2", 1.25],
  ])("on %s lets the same dynamics pass, and a learning rate of %d times not", (id, factor) => {
    const problem = problemOf(few(id, 256));
    const reference = trained(problem, 777, Float64Array.from(problem.theta));
    for (const seed of [1, 2, 3]) {
      expect(disagreement(trained(problem, seed, problem.theta.slice()), reference)).toBeNull();
    }
    const learningRate = factor * problem.sizes.learningRate;
    const hasty = { ...problem, sizes: { ...problem.sizes, learningRate } };
    const refusal = disagreement(trained(hasty, 1, problem.theta.slice()), reference);
    expect(refusal).toContain("log ratio -");
  });

  test("refuses weights that did not move, and losses that are no numbers", () => {
    const problem = problemOf(few("w1", 32));
    const reference = trained(problem, 777, Float64Array.from(problem.theta));
    expect(disagreement(replicaLosses(problem, problem.theta), reference)).toMatch(/in float64/);
    const broken = reference.slice().fill(Number.NaN, 3, 4);
    expect(disagreement(broken, reference)).toMatch(/not all finite/);
    expect(disagreement(reference.subarray(1), reference)).toMatch(/31 losses/);
  });
});

const peers = [
  { id: "thermograd", title: "thermograd", remedy: "" },
  { id: "slow", title: "Slow", remedy: "apt-get install slow" },
  { id: "gone", title: "Gone", remedy: "apt-get install gone" },
];

const run = (peer: string, round: number, rate: number | null, failure: string | null = null) =>
  ({
    peer,
    problem: "w1",
    round,
    loadBefore: round,
    failure,
    replicaStepsPerSecond: rate,
    checkLoss: rate === null ? null : 1,
    timed:
      rate === null
        ? null
        : {
            steps: 1,
            seconds: 1,
            setupSeconds: 1,
            version: `${peer} 1`,
            ...(peer === "thermograd" && { schedule: "thread" }),
          },
  }) satisfies Run;

/** The machine halves its speed in the second round; ratios do not notice. */
const RUNS = [
  ...[8e6, 4e6, 8.8e6].map((rate, i) => run("thermograd", i, rate)),
  ...[2e6, 1e6, 2.2e6].map((rate, i) => run("slow", i, rate)),
];

describe("rounds", () => {
  test("begin at another peer each, and leave none out", () => {
    const orders = [0, 1, 2].map((round) => rotated(["a", "b", "c", "d"], round, 3).join(""));
    expect(orders).toEqual(["abcd", "bcda", "cdab"]);
  });

  test("ratios pair rates of one round; what is not installed says what to install", () => {
    const [own, slow, gone] = summarize(peers, ["w1"], RUNS);
    expect([own!.replicaStepsPerSecond, own!.spread, own!.ratio]).toEqual([8e6, [4e6, 8.8e6], 1]);
    expect([slow!.ratio, slow!.failure, slow!.rounds]).toEqual([4, null, 3]);
    expect(gone!.failure).toBe("not installed: apt-get install gone");
    expect(gone!.ratio).toBeNull();
    expect(loadOf(RUNS)).toEqual({ median: 1, most: 2 });
  });

  test("a failure in any round is told", () => {
    const runs = [...RUNS, run("gone", 0, null, "mean loss 2, 1 in float64")];
    const gone = summarize(peers, ["w1"], runs).find(({ peer }) => peer === "gone")!;
    expect(gone.failure).toBe("mean loss 2, 1 in float64");
    expect(printTable({ entries: [gone] })).toMatch(/failed \(1\) \|[\s\S]*\n\n\(1\) mean loss 2/);
  });

  test("of an error's text the line that names it is told", () => {
    const text =
      "/x/y.ts:3\n  throw new E();\n\nLimitError: too large; use less.\n    at f (y.ts:3)\n";
    expect(firstComplaint(text)).toBe("LimitError: too large; use less.");
    expect(firstComplaint("sgd: w1-x.f32 is not a file of 8 numbers\n")).toMatch(/^sgd: w1/);
    expect(firstComplaint("")).toBe("it said nothing");
  });
});

describe("the table", () => {
  const entries: readonly Entry[] = summarize(peers, ["w1"], RUNS);

  test("has a row a peer, medians with their spread, and ratios", () => {
    expect(printTable({ entries }).split("\n")).toEqual([
      "| system | version | `w1` | × |",
      "| --- | --- | ---: | ---: |",
      "| thermograd | thermograd 1 | 8 M ± 30 %, thread |  |",
      "| Slow | slow 1 | 2 M ± 30 % | 4 |",
      "| Gone | not installed: apt-get install gone | — |  |",
    ]);
  });

  test("stands between its markers, and what is around it stays", () => {
    const page = `# T\n\n${BEGIN}\nold\n${END}\n\nafter\n`;
    const once = replaceBlock(page, `${BEGIN}\nnew\n${END}`);
    expect(once).toBe(`# T\n\n${BEGIN}\nnew\n${END}\n\nafter\n`);
    for (const wrong of ["# T", `${END}\n${BEGIN}`, `${page}${page}`]) {
      expect(() => replaceBlock(wrong, "new")).toThrow(/each once/);
    }
  });
});
