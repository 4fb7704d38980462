/**
 * `report.html`: one self-contained page of a run, with its figures inline.
 *
 * No script, no network, nothing outside the file. Figures follow the page's colors (light, dark,
 * print). All text that came from outside is escaped.
 */
import type { Figure } from "../experiments/experiment.ts";
import { drawFigure, omission } from "./figure.ts";
import { escapeHtml } from "./markup.ts";
import { printDuration } from "./notation.ts";
import { quantitiesHtml } from "./quantitiesHtml.ts";
import type { Report } from "./result.ts";
import { styleSheet } from "./style.ts";
import { INLINE } from "./theme.ts";

/** What the page says about the experiment beside its result. */
export interface PageSubject {
  readonly title: string;
  readonly card: string;
  readonly sources: readonly string[];
  readonly summary: string;
  /** Meaning and unit of each parameter, by name. */
  readonly descriptions: Readonly<Record<string, string>>;
}

const printParameter = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(printParameter).join(", ")
    : typeof value === "string"
      ? value
      : JSON.stringify(value);

const parameterRow = (name: string, value: unknown, description: string): string =>
  `<tr><td class="name"><code>${escapeHtml(name)}</code></td>` +
  `<td>${escapeHtml(printParameter(value))}</td><td>${escapeHtml(description)}</td></tr>`;

function parameterTable(report: Report, subject: PageSubject): string {
  const rows = Object.entries(report.parameters).map(([name, value]) =>
    parameterRow(name, value, subject.descriptions[name] ?? ""),
  );
  rows.push(parameterRow("seed", report.seed, "seed of all random numbers"));
  return `<div class="scroll"><table><thead>
<tr><th>parameter</th><th>value</th><th>meaning</th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}

async function figureHtml(figure: Figure, index: number): Promise<string> {
  const svg = await drawFigure(figure, { theme: INLINE, title: false });
  const note = omission(figure);
  const caption = [figure.caption, note ?? ""].filter((part) => part !== "").map(escapeHtml);
  return `<figure id="figure-${index + 1}"><div class="scroll">${svg}</div>
<figcaption><b>Figure ${index + 1}. ${escapeHtml(figure.title)}.</b>
${caption.join(" ")}</figcaption></figure>`;
}

function provenanceList(report: Report): string {
  const { provenance } = report;
  const software = provenance.software ? " (software: runs on the CPU)" : "";
  const rows: [string, string][] = [
    ["adapter", `${provenance.adapter}${software}`],
    ["driver", provenance.driver],
    ["chosen", provenance.reason],
    ["thermograd", provenance.thermograd],
    ["node", `${provenance.node}, ${provenance.platform}`],
    ["started", provenance.date],
    ["run time", printDuration(report.seconds)],
  ];
  const items = rows.map(([term, text]) => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`);
  return `<dl>${items.join("\n")}</dl>`;
}

const section = (title: string, body: string): string =>
  body === "" ? "" : `<section><h2>${title}</h2>\n${body}</section>\n`;

const sections = (report: Report, subject: PageSubject, figures: readonly string[]): string => {
  const warnings = report.warnings.map((warning) => `<li>${escapeHtml(warning)}</li>`).join("\n");
  return [
    section("Results", quantitiesHtml(report.quantities)),
    section("Warnings", warnings === "" ? "" : `<ul class="warnings">${warnings}</ul>`),
    section("Figures", figures.join("\n")),
    section("Parameters", parameterTable(report, subject)),
    section("Reproduce", `<pre>${escapeHtml(report.provenance.command)}</pre>`),
    section("Provenance", provenanceList(report)),
  ].join("");
};

/** The page of one run as text. */
export async function printHtml(report: Report, subject: PageSubject): Promise<string> {
  const figures: string[] = [];
  for (const [index, figure] of report.figures.entries()) {
    figures.push(await figureHtml(figure, index));
  }
  const title = escapeHtml(subject.title);
  const byline = [`card ${subject.card}`, ...subject.sources].map(escapeHtml).join(" · ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="thermograd ${escapeHtml(report.provenance.thermograd)}">
<title>${title}</title>
<style>
${styleSheet()}</style>
</head>
<body>
<header><h1>${title}</h1>
<p class="byline">thermograd run <code>${escapeHtml(report.experiment)}</code> · ${byline}</p>
<p>${escapeHtml(subject.summary)}</p></header>
<main>
${sections(report, subject, figures)}</main>
</body>
</html>
`;
}
