/**
 * Who takes part: how each peer is started, how it is found, and what to do where it is missing.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
/** Compiled programs, data, weights: ignored by git. */
export const BUILD = join(FOLDER, "build");

/** A command that the request is appended to. */
export interface Command {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

export interface Peer {
  readonly id: string;
  readonly title: string;
  /** Finds, and compiles where needed; null where it is not installed. */
  readonly find: () => Command | null;
  readonly remedy: string;
}

/** OpenBLAS on two threads of a busy machine can be a hundred times slower than on one. */
const ONE_THREAD = { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" };

const typescript = (file: string, environment: Record<string, string> = {}): Command => ({
  program: process.execPath,
  arguments: ["--import", "tsx", join(FOLDER, "systems", file)],
  environment,
});

const hasPackage = (name: string): boolean => existsSync(join(FOLDER, "node_modules", name));

const framework = (
  id: string,
  title: string,
  name: string,
  command: Command,
  remedy = "npm ci --prefix bench/peers --ignore-scripts",
): Peer => ({ id, title, find: () => (hasPackage(name) ? command : null), remedy });

function succeeds(program: string, args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Debian's packages belong to its own Python, whatever `python3` is. */
const PYTHONS = ["/usr/bin/python3", "python3", "python"];

const python = (id: string, title: string, file: string, module: string): Peer => ({
  id,
  title,
  find: () => {
    const program = PYTHONS.find((one) => succeeds(one, ["-c", `import numpy, ${module}`]));
    if (program === undefined) return null;
    const environment = { ...ONE_THREAD, PYTHONDONTWRITEBYTECODE: "1" };
    return { program, arguments: [join(FOLDER, "systems", file)], environment };
  },
  remedy: `apt-get install python3-${module} libopenblas0`,
});

const C_FLAGS = ["-O3", "-march=native", "-ffast-math", "-fopenmp"];

const c: Peer = {
  id: "c",
  title: "C (-O3 -march=native -ffast-math), 2 threads",
  find: () => {
    if (!succeeds("gcc", ["--version"])) return null;
    mkdirSync(BUILD, { recursive: true });
    const program = join(BUILD, "sgd");
    const source = join(FOLDER, "systems", "sgd.c");
    execFileSync("gcc", [...C_FLAGS, source, "-o", program, "-lm"], { stdio: "inherit" });
    const environment = { OMP_NUM_THREADS: "2", OMP_WAIT_POLICY: "passive" };
    return { program, arguments: [], environment };
  },
  remedy: "apt-get install gcc",
};

const JAX_JS = "@jax-js/jax";
const TFJS = "@tensorflow/tfjs";

/** In the order of the table; the first is what all others are compared with. */
export const PEERS: readonly Peer[] = [
  {
    id: "thermograd",
    title: "thermograd",
    find: () => typescript("thermograd.ts"),
    remedy: "npm ci",
  },
  framework(
    "jax-js-webgpu",
    "jax-js, WebGPU",
    JAX_JS,
    typescript("jaxJs.ts", { JAX_JS_DEVICE: "webgpu" }),
  ),
  framework("tfjs-webgpu", "tfjs, WebGPU", TFJS, typescript("tfjs.ts", { TFJS_BACKEND: "webgpu" })),
  framework(
    "jax-js-wasm",
    "jax-js, wasm",
    JAX_JS,
    typescript("jaxJs.ts", { JAX_JS_DEVICE: "wasm" }),
  ),
  framework("tfjs-wasm", "tfjs, wasm", TFJS, typescript("tfjs.ts", { TFJS_BACKEND: "wasm" })),
  {
    id: "javascript",
    title: "plain JavaScript, 1 thread",
    find: () => typescript("plainJavaScript.ts"),
    remedy: "npm ci",
  },
  python("numpy", "NumPy, 1 thread", "numpy_peer.py", "numpy"),
  python("torch", "PyTorch, CPU, 1 thread", "torch_peer.py", "torch"),
  c,
];
