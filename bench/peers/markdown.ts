/** The comparison as a table in Markdown, and its place in a document: between two marker lines. */
import { siPrefixed } from "../../report/notation.ts";
import { type Comparison, type Entry, NOT_INSTALLED } from "./comparison.ts";

export const BEGIN = "<!-- peers: begin; written by npm run -s bench:peers -->";
export const END = "<!-- peers: end -->";

/** ±12 %: half the distance between the slowest and the fastest round, over the median. */
function printSpread({ spread, replicaStepsPerSecond, rounds }: Entry): string {
  if (spread === null || replicaStepsPerSecond === null || rounds < 2) return "";
  const half = (spread[1] - spread[0]) / 2 / replicaStepsPerSecond;
  return ` ± ${(100 * half).toPrecision(half < 0.1 ? 1 : 2)} %`;
}

/** Three digits at most, never a power of ten. */
const printRatio = (ratio: number): string =>
  ratio >= 100 ? String(Math.round(ratio)) : String(Number(ratio.toPrecision(ratio < 1 ? 2 : 3)));

/** Text that cannot end a cell. */
const escaped = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

/** Sentences below the table, and the number of each. */
type Notes = string[];

function noteNumber(notes: Notes, text: string): number {
  const known = notes.indexOf(text);
  return known >= 0 ? known + 1 : notes.push(text);
}

function cells(entry: Entry, notes: Notes): [rate: string, ratio: string] {
  const { replicaStepsPerSecond: rate, ratio, failure, peer, schedule } = entry;
  const isMissing = failure?.startsWith(NOT_INSTALLED) === true;
  if (isMissing) return ["—", ""];
  const note = failure === null ? "" : ` (${noteNumber(notes, failure)})`;
  if (rate === null) return [`failed${note}`, ""];
  // Some rounds failed where there is a note: the others are no clean measurement.
  const how = schedule === null ? "" : `, ${schedule}`;
  const printed = `${siPrefixed(rate)}${printSpread(entry)}${how}${note}`;
  return [printed, peer === "thermograd" || ratio === null ? "" : printRatio(ratio)];
}

/** The version, or what to do where there is none. */
const versionOf = (entries: readonly Entry[]): string =>
  entries.find(({ version }) => version !== null)?.version ??
  entries.find(({ failure }) => failure?.startsWith(NOT_INSTALLED))?.failure ??
  "";

/**
 * One row a peer; two columns a problem: replica-steps/s, and thermograd ÷ peer. Below it why runs
 * failed, numbered.
 */
export function printTable({ entries }: Pick<Comparison, "entries">): string {
  const problems = [...new Set(entries.map(({ problem }) => problem))];
  const peers = [...new Set(entries.map(({ peer }) => peer))];
  const head = ["system", "version", ...problems.flatMap((id) => [`\`${id}\``, "×"])];
  const notes: Notes = [];
  const rows = peers.map((peer) => {
    const own = entries.filter((entry) => entry.peer === peer);
    const columns = problems.flatMap((id) =>
      cells(own.find(({ problem }) => problem === id)!, notes),
    );
    return [own[0]!.title, escaped(versionOf(own)), ...columns];
  });
  const rule = head.map((_, i) => (i < 2 ? "---" : "---:"));
  const table = [head, rule, ...rows].map((row) => `| ${row.join(" | ")} |`);
  const below = notes.map((note, i) => `(${i + 1}) ${note}`);
  return [...table, ...(below.length > 0 ? ["", below.join("\n\n")] : [])].join("\n");
}

/** Where and how it was measured, one paragraph. */
function printConditions({ machine, settings, date, loadBefore, command }: Comparison): string {
  const load =
    loadBefore === null
      ? ""
      : `, load average before a run ${loadBefore.median.toFixed(1)} (median), ` +
        `${loadBefore.most.toFixed(1)} (most)`;
  return (
    `${machine.adapter} (${machine.driver}), ${machine.processors} × ${machine.processor}, ` +
    `${machine.system}, Node ${machine.node}; ${settings.rounds} round${settings.rounds === 1 ? "" : "s"} of ${settings.seconds} s` +
    `${load}; ${date.slice(0, 10)}, \`${command}\`.`
  );
}

/** The block that stands between the markers. */
export const printComparison = (comparison: Comparison): string =>
  [
    BEGIN,
    "",
    `Replica-steps/s: medians ± half the range of the rounds; ×: thermograd ÷ system, median of the ` +
      "rounds' ratios.",
    "",
    printTable(comparison),
    "",
    printConditions(comparison),
    "",
    END,
  ].join("\n");

/**
 * A document with the block in place of what stood between the markers.
 *
 * Throws when the document does not have each marker once, in order.
 */
export function replaceBlock(document: string, block: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  const isSingle = document.lastIndexOf(BEGIN) === begin && document.lastIndexOf(END) === end;
  if (begin < 0 || end < begin || !isSingle) {
    throw new Error(`peers: the document needs "${BEGIN}" and, below it, "${END}", each once.`);
  }
  return document.slice(0, begin) + block + document.slice(end + END.length);
}
