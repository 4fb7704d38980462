/** What `explain` says is what runs: graph, formulas, plan, memory, text. */
import { expect, test } from "vitest";
import { z } from "zod";
import { workloads } from "../../bench/workloads.ts";
import { createExplainer } from "../../cli/explainer.ts";
import { stretches } from "../../engine/explanation/source.ts";
import {
  createEnsemble,
  defineModel,
  explain,
  LimitError,
  moments,
  NoAdapterError,
  op,
  openDevice,
  type Schedule,
  series,
  sgd,
  type TuningReport,
} from "../../engine/index.ts";
import type { Experiment } from "../../experiments/experiment.ts";

const network = workloads.find(({ id }) => id === "w2")!.model;

test("the graph has a line for every node, inputs first, with the model's names", () => {
  const { graph } = explain(network);
  const all = [...graph.forward, ...graph.backward];
  expect(all.map(({ number }) => number).sort((a, b) => a - b)).toEqual(all.map((_, i) => i));
  const seen = new Set<string>();
  for (const node of all.sort((a, b) => a.number - b.number)) {
    for (const input of node.inputs) {
      if (input.startsWith("%")) expect(seen).toContain(input);
    }
    seen.add(`%${node.number}`);
  }
  const named = (name: string) => all.find((node) => node.name === name)!;
  expect(named("loss")).toMatchObject({ op: "square", shape: [] });
  expect(named("W")).toMatchObject({ op: "param", shape: [32, 2], inputs: [] });
  expect(named("∂loss/∂W")).toMatchObject({ op: "outer", shape: [32, 2] });
  expect(named("∂loss/∂W").inputs[1]).toBe("x");
  expect(graph.gradients.W).toBe(`%${named("∂loss/∂W").number}`);
});

test("the loops are the formulas of back-propagation", () => {
  const lines = explain(network).loops.map(({ length, statements }) => [
    length,
    ...statements.map(({ target, assigns, formula }) => `${target} ${assigns} ${formula}`),
  ]);
  expect(lines).toEqual([
    [
      32,
      "matvec_0[i] = Σ_{j<2} (W[i, j] * x[j])",
      "tanh_1[i] = tanh((matvec_0[i] + b[i]))",
      "dot_2 = Σ_{i<32} (a[i] * tanh_1[i])",
    ],
    [
      0,
      "sub_3 = (dot_2 + c) - y",
      "square_4 = sub_3 * sub_3",
      "scale_5 = sub_3 * 2",
      "gradient of c += scale_5",
    ],
    [
      32,
      "mul_6[i] = (scale_5 * a[i]) * (1 - (tanh_1[i] * tanh_1[i]))",
      "gradient of W[i, j] += mul_6[i] * x[j]   for all j<2",
      "gradient of b[i] += mul_6[i]",
      "gradient of a[i] += scale_5 * tanh_1[i]",
    ],
  ]);
});

test("maxima, labels, views and metrics read as formulas too", () => {
  const model = defineModel({
    params: { A: [4, 3], b: [4] },
    sample: { x: [3], digit: { labels: 4 } },
    loss: ({ A, b }, { x, digit }) => op.softmaxCrossEntropy(op.add(op.matvec(A, x), b), digit),
    metrics: { norm: ({ A }) => op.mean(op.square(op.transpose(A))) },
  });
  const { text, graph } = explain(model);
  expect(graph.forward.some(({ name }) => name === "norm")).toBe(true);
  expect(text).toContain("max_{i<4}");
  expect(text).toContain("a class of 4");
  expect(text.split("\nWGSL\n")[0]).not.toMatch(/undefined|NaN|\[object/);
});

test("memory is counted: state and velocity, order, series, moments, frozen", () => {
  const { memory } = explain(workloads[0]!.model, {
    update: sgd({ learningRate: 0.1, batchSize: 4, momentum: 0.9 }),
    sampling: "reshuffled",
    samples: 100,
    replicas: 10,
    observables: { z: moments({ of: ["w[0]", "w[1]"], every: 4 }) },
  });
  // 8 θ + 8 v; 100 positions; 2 means + 3 products; one flag; 4 bytes each.
  expect(memory.perReplica).toEqual({ state: 64, order: 400, moments: 20, frozen: 4 });
  // Rows of 12 floats (8 and 1, padded to vec4f), 8 hyperparameters, 2 pilot means.
  expect(memory.shared).toBe(4 * (100 * 12 + 8 + 2));
  expect(memory.total).toBe(memory.shared + 10 * (64 + 400 + 20 + 4));
});

test("the shader is the one an ensemble of the same options runs", async () => {
  const [w1] = workloads;
  const { data } = w1!.start(1);
  const update = sgd({ learningRate: 0.1, batchSize: 4, momentum: 0.5 });
  const sweep = { batchSize: [2, 16] };
  const same = { update, sweep, sampling: "distinct", replicas: 5000 } as const;
  await using device = await openDevice({ adapter: "null" });
  await using ensemble = await createEnsemble(device, { model: w1!.model, data, seed: 1, ...same });
  const explained = explain(w1!.model, { ...same, samples: data.samples });
  const { plan } = ensemble;
  expect(plan.schedule === "thread" && plan.shader(null).code).toBe(
    explained.kernels[0]!.shader.code,
  );
  // An ensemble adds why it is run so: nothing is measured in tests.
  expect(plan.reasons).toEqual([
    ...explained.plan.reasons,
    "by rule: tuning is off (THERMOGRAD_TUNE)",
  ]);
  expect(explained.assumed).toEqual([]);
});

test("the text shows where each stretch of WGSL came from, and loses none", () => {
  const explained = explain(network, { observables: { loss: series({ of: "loss", every: 10 }) } });
  const cut = stretches(explained.kernels[0]!.shader);
  expect(`${cut.flatMap(({ lines }) => lines).join("\n")}\n`).toBe(
    explained.kernels[0]!.shader.code,
  );
  const sgdFile = cut.filter(({ file }) => file === "shaders/update/sgd.wgsl");
  expect(sgdFile[0]!.firstLine).toBe(1);
  for (const section of ["Graph", "Gradient", "Fused loops", "Plan", "WGSL"]) {
    expect(explained.text).toContain(`\n${section}`);
  }
  expect(explained.text).toContain("// ── shaders/schedules/thread.wgsl:1\n");
  expect(explained.text).toContain("// ── generated loss_gradient:1\n");
});

test("what was not given is said", () => {
  expect(explain(network).assumed).toEqual([
    "256 samples",
    "1024 replicas",
    "sampling with replacement",
    "plain SGD with batches of 8",
  ]);
  expect(explain(network).text).toContain("assumed, since not given: 256 samples; 1024 replicas");
});

test("what cannot run cannot be explained either", () => {
  const large = defineModel({
    params: { w: [5000] },
    sample: {},
    loss: ({ w }) => op.sum(op.square(w)),
  });
  const forced = (schedule: Schedule) => () => explain(large, { setting: { schedule } });
  expect(forced("thread")).toThrow(LimitError);
  expect(forced("thread")).toThrow(/5000 parameters.*40000 bytes.*8192/);
  // Left to the rule, it is run otherwise, and the refusal stands among the candidates.
  const { plan, choice, text } = explain(large);
  expect(plan.schedule).toBe("batched");
  const thread = choice.candidates.find(({ setting }) => setting.schedule === "thread");
  expect(thread).toMatchObject({ chosen: false, why: expect.stringContaining("5000 parameters") });
  expect(text).toContain("by rule: nothing was measured");
});

test("batched shows every kernel of a step with its grid, and each text once", () => {
  const lanes = 48;
  const options = { setting: { schedule: "batched" }, replicas: lanes, samples: 64 } as const;
  const { kernels, plan, stages, text } = explain(network, options);
  if (plan.schedule !== "batched") throw new Error("not batched");
  expect(kernels.map(({ name }) => name)).toEqual(
    [plan.load, ...plan.step, plan.store].map(({ name }) => name),
  );
  plan.step.forEach((kernel, i) => {
    expect(kernels[i + 1]!.grid).toEqual(kernel.grid(lanes));
  });
  expect(stages.flatMap(({ names }) => names)).toContain("matvec_0");
  const sections = text.split("// ══ ").slice(1);
  expect(sections).toHaveLength(kernels.length);
  for (const [i, section] of sections.entries()) {
    // What a kernel does itself is never left out, only what an earlier one has in the same words.
    const entry = kernels[i]!.shader.code.match(/fn main\(/g);
    expect(entry).toHaveLength(1);
    expect(section).toMatch(/fn main\(|the text of \d|\(as in \d+\)/);
  }
  const parts = text.split("\nWGSL\n")[1]!;
  expect(parts.split("fn threefry2x32(").length - 1).toBe(1);
});

test("workgroup shows its kernel, barriers and stages", () => {
  const setting = { schedule: "workgroup", workgroup: 64 } as const;
  const { kernels, plan, text } = explain(network, { setting, replicas: 48 });
  expect(kernels.map(({ grid }) => grid)).toEqual([[48]]);
  expect(plan.schedule === "workgroup" && plan.shader(null).code).toBe(kernels[0]!.shader.code);
  expect(text).toContain("barriers a step");
  expect(text).toContain("\nStages: loss and gradient of a minibatch\n");
});

test("what was measured is printed with times and the reason, and its choice is explained", () => {
  const chosen = { schedule: "workgroup", workgroup: 64 } as const;
  const tuning: TuningReport = {
    setting: chosen,
    by: "measurement",
    reason: "tuned: on something; chosen workgroup/64",
    trials: [
      { setting: { schedule: "thread", workgroup: 16 }, replicaStepsPerSecond: 2100 },
      { setting: chosen, replicaStepsPerSecond: 1.9e6 },
      { setting: { schedule: "batched" }, replicaStepsPerSecond: null, why: "no time left" },
    ],
    excluded: [{ setting: { schedule: "thread", workgroup: 32 }, why: "hopeless" }],
    seconds: 1,
  };
  const { plan, text } = explain(network, { tuning });
  expect(plan).toMatchObject(chosen);
  const lines = text.split("\nCandidates\n")[1]!.split("\n").slice(1, 6);
  expect(lines).toEqual([
    "  → workgroup/64  1.9 M replica-steps/s",
    "    thread/16     2.1 k replica-steps/s",
    "    batched       not measured: no time left",
    "    thread/32     not measured: hopeless",
    "  tuned: on something; chosen workgroup/64",
  ]);
  // An answer that was kept knows no more what was left out: it is found again.
  const setting = { schedule: "batched" } as const;
  const trials = [{ setting, replicaStepsPerSecond: 5 }];
  const kept = { ...tuning, setting, trials, by: "cache", excluded: [] } as const;
  const wide = defineModel({
    params: { w: [5000] },
    sample: {},
    loss: ({ w }) => op.sum(op.square(w)),
  });
  const left = explain(wide, { tuning: kept }).choice.candidates.filter(({ why }) => why !== null);
  expect(left.map((one) => one.setting.schedule)).toContain("thread");
});

test("the command explains experiments that say what they train, and the bench's models", async () => {
  const parameters = z.object({ batchSize: z.number().default(4) });
  const trains: Experiment<typeof parameters> = {
    id: "trains",
    title: "",
    card: "",
    sources: [],
    summary: "",
    parameters,
    quick: {},
    run: () => Promise.reject(new Error("not run")),
    explain: ({ batchSize }) => [
      { model: network, update: sgd({ learningRate: 0.1, batchSize }), samples: 64 },
    ],
  };
  const { explain: _, ...silent } = { ...trains, id: "silent" };
  const { names, explain: text } = createExplainer([trains, silent] as unknown as Experiment[]);
  expect(names).toEqual(["trains", ...workloads.map(({ id }) => id)]);
  const unmeasured = { setting: {}, openDevice: null };
  const trained = await text("trains", unmeasured);
  expect(trained).toContain("minibatches of 4 out of 64 samples");
  expect(trained).toContain("nothing is measured: --no-measure");
  expect(await text("w1", unmeasured)).toContain("minibatches of 8 out of 256 samples");
  const openDevice = () => Promise.reject(new NoAdapterError("openDevice: none found; buy one."));
  const without = await text("trains", { setting: {}, openDevice });
  expect(without).toContain("nothing is measured: openDevice: none found; buy one.");
  const broken = () => Promise.reject(new Error("a bug"));
  await expect(text("trains", { setting: {}, openDevice: broken })).rejects.toThrow("a bug");
  // Beyond what a thread holds.
  expect(await text("w3", unmeasured)).toContain("schedule batched");
});
