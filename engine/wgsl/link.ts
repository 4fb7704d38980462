/**
 * The WGSL linker: valid `.wgsl` files, three comment directives, one pure function.
 *
 *   `//#import lib/threefry2x32`            textual inclusion, once, by path below `shaders/`
 *   `const HIDDEN: u32 = 3u; //#param`      the right-hand side may be replaced
 *   `//#slot name` … `//#end`               a region with a default body that may be replaced
 *
 * Files that share a declaration (the hyperparameters) each open the slot, to compile alone; its
 * replacement is put where the first of them does.
 *
 * There are no conditionals. `origin` maps each output line to its source, so that compiler
 * messages can be reported as `shaders/lib/normal.wgsl:12`. Module-scope order is free in WGSL,
 * so imports are simply put first. The linked text (plus overrides) is the pipeline cache key.
 */
import { ShaderError } from "../errors.ts";

/** Path below `shaders/`, without extension → text. */
export type Sources = Readonly<Record<string, string>>;

/** Generated text for a slot; its own imports are linked too. */
export interface SlotBody {
  readonly code: string;
  readonly imports?: readonly string[];
}

export interface LinkOptions {
  /** Parameter name → WGSL literal, e.g. `{ PARAMS: "129u" }`. Every name must exist. */
  readonly params?: Readonly<Record<string, string>>;
  readonly slots?: Readonly<Record<string, SlotBody>>;
  /** Files to import beside those the entry names: the chosen variant of an interface. */
  readonly imports?: readonly string[];
}

export interface Origin {
  readonly file: string;
  readonly line: number;
}

export interface LinkedShader {
  readonly code: string;
  /** `origin[i]` is where line i + 1 of `code` came from. */
  readonly origin: readonly Origin[];
}

const IMPORT = /^\s*\/\/#import\s+(\S+)\s*$/;
const PARAM = /^(\s*const\s+(\w+)\s*(?::[^=]+)?=\s*)(.+?)(;\s*\/\/#param.*)$/;
const SLOT = /^\s*\/\/#slot\s+(\w+)\s*$/;
const DIRECTIVE = /^\s*enable\s+[\w\s,]+;/;
const END = /^\s*\/\/#end\s*$/;

export function link(entry: string, options: LinkOptions, sources: Sources): LinkedShader {
  const code: string[] = [];
  const origin: Origin[] = [];
  const done = new Set<string>();
  const open: string[] = [];
  const usedParams = new Set<string>();
  const usedSlots = new Set<string>();
  const emit = (text: string, file: string, line: number): void => {
    code.push(text);
    origin.push({ file, line });
  };

  const include = (path: string, from: string): void => {
    if (done.has(path)) return;
    if (open.includes(path)) {
      throw new ShaderError(`${from} imports in a circle: ${[...open, path].join(" → ")}.`);
    }
    const text = sources[path];
    if (text === undefined) {
      throw new ShaderError(
        `${from} imports "${path}", which is no file below shaders/; ` +
          `there are: ${Object.keys(sources).sort().join(", ")}.`,
      );
    }
    open.push(path);
    const file = `shaders/${path}.wgsl`;
    const lines = text.replace(/\n$/, "").split("\n");
    // Imports first, so that a file's text stays in one piece.
    lines.forEach((line, i) => {
      const wanted = IMPORT.exec(line)?.[1];
      if (wanted !== undefined) include(wanted, `${file}:${i + 1}`);
    });
    if (path === entry) {
      for (const extra of options.imports ?? []) include(extra, `link(${entry})`);
      for (const [slot, body] of Object.entries(options.slots ?? {})) {
        for (const extra of body.imports ?? []) include(extra, `slot ${slot} of ${file}`);
      }
    }
    let replacing = false;
    let slot: { name: string; line: number } | undefined;
    lines.forEach((line, i) => {
      const begins = SLOT.exec(line)?.[1];
      if (begins !== undefined) {
        if (slot)
          throw new ShaderError(`${file}:${i + 1} opens slot ${begins} inside ${slot.name}.`);
        slot = { name: begins, line: i + 1 };
        const body = options.slots?.[begins];
        replacing = body !== undefined;
        if (body !== undefined && !usedSlots.has(begins)) {
          usedSlots.add(begins);
          body.code.split("\n").forEach((generated, k) => {
            emit(generated, `generated ${begins}`, k + 1);
          });
        }
        return;
      }
      if (END.test(line)) {
        if (!slot) throw new ShaderError(`${file}:${i + 1} ends a slot that was not opened.`);
        slot = undefined;
        replacing = false;
        return;
      }
      if (replacing || IMPORT.test(line)) return;
      const param = PARAM.exec(line);
      if (param) {
        const [, head, name, , tail] = param;
        const value = options.params?.[name!];
        if (value !== undefined) {
          usedParams.add(name!);
          emit(`${head}${value}${tail}`, file, i + 1);
          return;
        }
      }
      emit(line, file, i + 1);
    });
    if (slot) throw new ShaderError(`${file}:${slot.line} slot ${slot.name} has no //#end.`);
    open.pop();
    done.add(path);
  };

  include(entry, "link()");
  const unknown = (kind: string, given: object | undefined, used: Set<string>): void => {
    for (const name of Object.keys(given ?? {})) {
      if (!used.has(name)) {
        throw new ShaderError(
          `link(${entry}): ${kind} ${name} is in none of ${[...done].join(", ")}.`,
        );
      }
    }
  };
  unknown("param", options.params, usedParams);
  unknown("slot", options.slots, usedSlots);
  // WGSL wants its directives before all declarations, so also before those of imported files.
  const order = [...code.keys()].sort(
    (a, b) => Number(DIRECTIVE.test(code[b]!)) - Number(DIRECTIVE.test(code[a]!)) || a - b,
  );
  return {
    code: `${order.map((i) => code[i]).join("\n")}\n`,
    origin: order.map((i) => origin[i]!),
  };
}

/** `shaders/lib/normal.wgsl:12` for a line number (from 1) of the linked text. */
export function locate(shader: LinkedShader, line: number): string {
  const origin = shader.origin[line - 1];
  return origin ? `${origin.file}:${origin.line}` : `linked text:${line}`;
}
