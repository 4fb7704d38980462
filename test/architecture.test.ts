/**
 * The house rules that no compiler holds: imports run downward, the engine knows no Node, files stay
 * small and say what they are.
 *
 * Exceptions are listed with their reasons; one that is no longer needed fails too.
 */
import { describe, expect, test } from "vitest";
import { VERSION } from "../engine/version.ts";
import { bareCode, exportsOf, importsOf, root, sourceFiles, textOf } from "./sourceFiles.ts";

const code = sourceFiles(".ts").filter((path) => !path.startsWith("test/"));
const imports = code.flatMap((from) =>
  importsOf(from, textOf(from)).map((found) => ({ from, ...found })),
);
/** Conditional imports by the folder that their files are in. */
const CONDITIONAL: Readonly<Record<string, string>> = {
  "#shaders": "shaders",
  "#adapter": "engine",
  "#mnist": "models",
};
const folder = (path: string): string => CONDITIONAL[path] ?? path.split("/")[0]!;
const isFile = (to: string): boolean => /^\w[\w-]*\/.*\.ts$/.test(to);
const isLocal = (to: string): boolean => isFile(to) || to.startsWith("#");

/** Which folders a folder may import from; its own always. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  shaders: [],
  engine: ["shaders"],
  models: ["engine"],
  analysis: ["engine"],
  report: ["analysis", "models", "engine"],
  experiments: ["report", "analysis", "models", "engine"],
  bench: ["report", "analysis", "models", "engine", "shaders"],
  cli: ["bench", "experiments", "report", "analysis", "models", "engine"],
  web: ["experiments", "report", "analysis", "models", "engine"],
};

/** The engine from the ground up: a file imports from its own level or a lower one. */
const LEVELS: readonly (readonly string[])[] = [
  ["errors", "version", "record", "execution"],
  ["graph", "random", "covarianceRoot", "dot", "adapter/"],
  ["wgsl/indexing", "wgsl/literal", "wgsl/identifiers", "wgsl/link", "wgsl/layout"],
  ["ops/"],
  ["autodiff", "rewrite", "simplify", "reference"],
  ["declaration", "modelDraws", "modelFields", "modelSettings", "model", "withoutDraws"],
  ["device", "deviceReport", "initial", "start/", "sampling", "sampleDraws", "update/", "rate/"],
  ["wgsl/", "observe/"],
  ["plan/"],
  ["run/"],
  [
    "neighbors/",
    "explanation/",
    "explain",
    "curvature/",
    "referenceTrajectory",
    "referenceFullData",
    "referenceReplica",
    "referenceGroup",
    "stepGradient",
    "referenceGradient",
    "referenceImplicit",
    "minimum/",
    "minimize",
    "worker",
    "client",
  ],
  ["index"],
];

/** Models, theory and data know what a graph is, and nothing that runs. */
const MODELS_MAY_IMPORT = ["errors", "graph", "model", "ops/index"];

/** Files that only Node loads, through `#adapter` and `#mnist`. */
const NODE_ONLY = [
  ...["cache", "dawn", "node", "packed", "tar", "tuningFiles"].map(
    (name) => `engine/adapter/${name}.ts`,
  ),
  "models/mnist/node.ts",
];

const level = (path: string): number => {
  const name = path.replace(/^engine\/|\.ts$/g, "");
  const exact = LEVELS.findIndex((members) => members.includes(name));
  if (exact >= 0) return exact;
  return LEVELS.findIndex((members) =>
    members.some((member) => member.endsWith("/") && name.startsWith(member)),
  );
};

/** Violations that are not excepted, and exceptions that nothing needs. */
function beyond(found: readonly string[], excepted: Readonly<Record<string, string>>): string[] {
  const unused = Object.keys(excepted).filter((one) => !found.includes(one));
  return [
    ...new Set(found.filter((one) => !(one in excepted))),
    ...unused.map((one) => `exception no longer needed: ${one}`),
  ];
}

describe("imports", () => {
  test("between folders run downward", () => {
    const upward = imports
      .filter(({ to }) => isLocal(to))
      .filter(({ from, to }) => {
        const below = BELOW[folder(from)]!;
        return folder(to) !== folder(from) && !below.includes(folder(to));
      })
      .map(({ from, to, typesOnly }) => `${from} -> ${to}${typesOnly ? " (types)" : ""}`);
    const contract = "the types of an experiment's results are what report/ draws and prints";
    expect(
      beyond(upward, {
        "bench/costFigures.ts -> experiments/experiment.ts (types)": contract,
        "report/figure.ts -> experiments/experiment.ts (types)": contract,
        "report/html.ts -> experiments/experiment.ts (types)": contract,
        "report/picture.ts -> experiments/experiment.ts (types)": contract,
        "report/plane.ts -> experiments/experiment.ts (types)": contract,
        "report/result.ts -> experiments/experiment.ts (types)": contract,
      }),
    ).toEqual([]);
  });

  test("within the engine run from run/ down to graph.ts", () => {
    const engine = code.filter((path) => path.startsWith("engine/"));
    const homeless = engine.filter((path) => level(path) < 0);
    expect(homeless, "give these files a place in LEVELS").toEqual([]);
    const upward = imports
      .filter(({ from, to }) => from.startsWith("engine/") && to.startsWith("engine/"))
      .filter(({ from, to }) => level(to) > level(from))
      .map(({ from, to, typesOnly }) => `${from} -> ${to}${typesOnly ? " (types)" : ""}`);
    expect(beyond(upward, {})).toEqual([]);
  });

  test("of analysis/ from the engine are types of records, and errors", () => {
    const others = imports
      .filter(({ from, to }) => from.startsWith("analysis/") && to.startsWith("engine/"))
      .filter(({ to, typesOnly }) =>
        to === "engine/errors.ts" ? false : !(typesOnly && to === "engine/record.ts"),
      );
    expect(others).toEqual([]);
  });

  test("of models/ from the engine are graphs and models", () => {
    const allowed = MODELS_MAY_IMPORT.map((name) => `engine/${name}.ts`);
    const others = imports
      .filter(({ from, to }) => from.startsWith("models/") && to.startsWith("engine/"))
      .filter(({ to }) => !allowed.includes(to));
    expect(others).toEqual([]);
  });

  test("from other folders take what the engine's door offers", () => {
    const door = exportsOf("engine/index.ts");
    expect(door.size).toBeGreaterThan(30);
    const inside = imports
      .filter(({ from, to }) => isFile(to) && folder(from) !== "engine" && folder(to) === "engine")
      .filter(({ from }) => folder(from) !== "models" && folder(from) !== "analysis")
      .flatMap(({ from, to, names }) => {
        const hidden = names.filter((name) => !door.has(name));
        const whole = names.length === 0 && to !== "engine/index.ts";
        return hidden.length > 0 || whole ? [`${from} -> ${to}`] : [];
      });
    const sameAdapter = "peers of the comparison run on the adapter that thermograd would open";
    const rooflines = "the bench measures the device with the engine's own pipelines and buffers";
    const resuming = "checkpoints of whole experiments are kept in the engine's container";
    const hostChain = "a chain of the host draws from the engine's generator, lanes of its own";
    expect(
      beyond(inside, {
        "bench/peers/systems/webgpu.ts -> engine/adapter/node.ts": sameAdapter,
        "bench/costGrowth.ts -> engine/plan/floatingPointOperations.ts": rooflines,
        "bench/hostLoss.ts -> engine/reference.ts": "workloads are judged in float64",
        "bench/measureMatmul.ts -> engine/plan/batched/matmul.ts": rooflines,
        "bench/measureMatmul.ts -> engine/plan/batched/matmulRequest.ts": rooflines,
        "bench/measureMatmul.ts -> engine/plan/batched/matmulTile.ts": rooflines,
        "bench/measureMatmul.ts -> engine/run/buffers.ts": rooflines,
        "bench/measureMatmul.ts -> engine/run/pipeline.ts": rooflines,
        "bench/roofline.ts -> engine/run/buffers.ts": rooflines,
        "bench/roofline.ts -> engine/run/pipeline.ts": rooflines,
        "bench/roofline.ts -> engine/wgsl/link.ts": rooflines,
        "bench/rooflineKernels.ts -> engine/wgsl/link.ts": rooflines,
        "bench/runBench.ts -> engine/plan/floatingPointOperations.ts": rooflines,
        "experiments/freeEnergyToy/doublePrecision.ts -> engine/random.ts": hostChain,
        "experiments/stages.ts -> engine/run/container.ts": resuming,
        "experiments/stages.ts -> engine/run/dehydrate.ts": resuming,
      }),
    ).toEqual([]);
  });

  test("make no cycles, types included", () => {
    const next = new Map<string, string[]>();
    for (const { from, to } of imports) {
      if (isFile(to)) next.set(from, [...(next.get(from) ?? []), to]);
    }
    expect(cycle(next)).toBeNull();
  });

  test("name files that exist", () => {
    const known = new Set(sourceFiles(".ts"));
    expect(imports.filter(({ to }) => isFile(to) && !known.has(to))).toEqual([]);
  });
});

/** Some path that comes back to where it began, or null. */
function cycle(next: ReadonlyMap<string, readonly string[]>): string[] | null {
  const done = new Set<string>();
  const visit = (node: string, path: readonly string[]): string[] | null => {
    const at = path.indexOf(node);
    if (at >= 0) return [...path.slice(at), node];
    if (done.has(node)) return null;
    for (const one of next.get(node) ?? []) {
      const found = visit(one, [...path, node]);
      if (found) return found;
    }
    done.add(node);
    return null;
  };
  for (const node of next.keys()) {
    const found = visit(node, []);
    if (found) return found;
  }
  return null;
}

describe("a browser can load it", () => {
  const pure = code.filter(
    (path) => /^(engine|models|analysis|experiments)\//.test(path) && !NODE_ONLY.includes(path),
  );

  test("engine, models, analysis and experiments use no Node API", () => {
    const words = /\b(?:process|Buffer|require|__dirname|__filename)\b(?!\s*:)/;
    const byImport = imports
      .filter(({ from, to }) => pure.includes(from) && to.startsWith("node:"))
      .map(({ from, to }) => `${from}: ${to}`);
    const byName = pure.flatMap((path) => {
      const found = words.exec(bareCode(textOf(path)))?.[0];
      return found === undefined ? [] : [`${path}: ${found}`];
    });
    expect([...byImport, ...byName]).toEqual([]);
  });

  test("what needs Node is reached through #adapter, #mnist and #shaders alone", () => {
    const node = [...NODE_ONLY, "shaders/node.ts"];
    const direct = imports
      .filter(({ from, to }) => node.includes(to) && !node.includes(from))
      .map(({ from, to }) => `${from} -> ${to}`);
    const outside = "a program for Node, which hands its adapter to other systems";
    expect(
      beyond(direct, { "bench/peers/systems/webgpu.ts -> engine/adapter/node.ts": outside }),
    ).toEqual([]);
    for (const path of NODE_ONLY) expect(code).toContain(path);
  });
});

describe("files", () => {
  const all = sourceFiles(".ts", ".wgsl");

  test("are small", () => {
    const limit = (path: string): number => (path.endsWith(".wgsl") ? 200 : 400);
    const large = all
      .filter((path) => !path.startsWith("test/golden/"))
      .filter((path) => textOf(path).replace(/\n$/, "").split("\n").length > limit(path))
      .sort();
    expect(
      beyond(large, {
        "models/data/digits.ts": "a data set as text",
      }),
    ).toEqual([]);
  });

  test("say what they are in their first lines", () => {
    const silent = all.filter((path) => {
      const head = textOf(path).trimStart();
      return !(path.endsWith(".wgsl") ? /^\/\/ \S/ : /^(\/\*\*|\/\/ \S)/).test(head);
    });
    expect(beyond(silent, {})).toEqual([]);
  });

  test("have names that say something", () => {
    const empty = /^(?:utils?|helpers?|manager|common|misc)$/i;
    const words = (path: string): string[] =>
      path.split(/[/._-]/).flatMap((part) => part.split(/(?=[A-Z])/));
    expect(all.filter((path) => words(path).some((word) => empty.test(word)))).toEqual([]);
  });

  test("of TypeScript are camelCase, of WGSL snake_case", () => {
    const odd = all.filter((path) => {
      const stem = path.split("/").at(-1)!.replace(/\..*$/, "");
      return !(path.endsWith(".ts") ? /^[a-z][A-Za-z0-9]*$/ : /^[a-z][a-z0-9_]*$/).test(stem);
    });
    expect(odd).toEqual([]);
  });
});

test("VERSION is package.json's", () => {
  expect(VERSION).toBe((JSON.parse(textOf("package.json")) as { version: string }).version);
  expect(root.endsWith("/")).toBe(true);
});

describe("negative controls: the rules see what they forbid", () => {
  test("imports of every form are read", () => {
    const text = [
      'import type { A } from "../x/a.ts";',
      'import { type B, type C } from "./b.ts";',
      'import {\n  type D,\n  e as f,\n} from "./d.ts";',
      'export * from "./g.ts";',
      'import "./h.ts";',
      'import * as everything from "node:fs";',
      'const late = () => import("./late.ts");',
      ' * import { no } from "./comment.ts";',
    ].join("\n");
    expect(importsOf("engine/y/z.ts", text)).toEqual([
      { to: "engine/x/a.ts", typesOnly: true, names: ["A"] },
      { to: "engine/y/b.ts", typesOnly: true, names: ["B", "C"] },
      { to: "engine/y/d.ts", typesOnly: false, names: ["D", "e"] },
      { to: "engine/y/g.ts", typesOnly: false, names: [] },
      { to: "engine/y/h.ts", typesOnly: false, names: [] },
      { to: "node:fs", typesOnly: false, names: [] },
      { to: "engine/y/late.ts", typesOnly: false, names: [] },
    ]);
  });

  test("levels, cycles, Node's words and stale exceptions", () => {
    expect(level("engine/run/chunk.ts")).toBeGreaterThan(level("engine/plan/threadPlan.ts"));
    expect(level("engine/wgsl/statements.ts")).toBeGreaterThan(level("engine/ops/op.ts"));
    expect(level("engine/ops/op.ts")).toBeGreaterThan(level("engine/wgsl/indexing.ts"));
    expect(level("engine/unknown.ts")).toBe(-1);
    const loop = new Map([
      ["a", ["b"]],
      ["b", ["c", "d"]],
      ["d", ["b"]],
    ]);
    expect(cycle(loop)).toEqual(["b", "d", "b"]);
    expect(bareCode('const a = "process"; // Buffer\n/* require */ f(`x`);')).toBe(
      'const a = "";  \n  f("");',
    );
    expect(beyond(["x"], { y: "gone" })).toEqual(["x", "exception no longer needed: y"]);
  });
});
