/**
 * The quantities of a result as HTML: a list, and tables for what repeats over conditions.
 *
 * A cell of such a table has z and the bound on the bias in its `title`; where z is large it is
 * printed as well.
 */
import { cellNotation, commonPrediction, isFar } from "./cell.ts";
import { printCondition } from "./condition.ts";
import { escapeHtml, minus, notationHtml } from "./markup.ts";
import {
  comparableDigits,
  concise,
  conciseNotation,
  plain,
  plainNotation,
  printZ,
} from "./notation.ts";
import { type PivotColumn, type PivotTable, pivot } from "./pivot.ts";
import type { ReportedQuantity } from "./result.ts";
import { printAgreement, printMark, printPrediction, printQuantityZ } from "./terminal.ts";

/** Color class of a z score: green within 2, amber within what agreement allows, red beyond. */
function verdict({ z, agrees }: ReportedQuantity): string {
  if (agrees === null) return "";
  if (!agrees) return "disagrees";
  return z !== null && Math.abs(z) > 2 ? "doubtful" : "agrees";
}

const predictionHtml = (predicted: number, standardError: number): string =>
  notationHtml(plainNotation(predicted, comparableDigits(predicted, standardError)));

function listRow(quantity: ReportedQuantity, hasConditions: boolean): string {
  const { name, condition, estimate, standardError, unit, predicted, systematic } = quantity;
  const number = (html: string, extra = "") => `<td class="number ${extra}">${html}</td>`;
  const prediction = predicted === null ? "–" : predictionHtml(predicted, standardError);
  const bound = systematic === 0 ? "" : notationHtml(plainNotation(systematic, 2));
  const mark = printMark(quantity.agrees);
  const words = quantity.agrees === null ? "–" : quantity.agrees ? "agrees" : "disagrees";
  return [
    `<tr><td class="name">${escapeHtml(name)}</td>`,
    hasConditions ? `<td>${escapeHtml(printCondition(condition))}</td>` : "",
    number(notationHtml(conciseNotation(estimate, standardError))),
    `<td>${unit === "1" ? "" : escapeHtml(unit)}</td>`,
    number(prediction),
    number(bound),
    number(predicted === null ? "–" : minus(printQuantityZ(quantity)), verdict(quantity)),
    `<td class="${verdict(quantity)}">${mark} ${words}</td></tr>`,
  ].join("");
}

function listTable(quantities: readonly ReportedQuantity[]): string {
  if (quantities.length === 0) return "";
  const hasConditions = quantities.some(({ condition }) => printCondition(condition) !== "");
  const rows = quantities.map((quantity) => listRow(quantity, hasConditions));
  return `<div class="scroll"><table><thead><tr><th>quantity</th>
${hasConditions ? "<th>condition</th>" : ""}<th class="number">estimate</th><th>unit</th><th class="number">predicted</th>
<th class="number">bias ≤</th><th class="number">z</th><th></th></tr></thead>
<tbody>${rows.join("\n")}</tbody></table></div>`;
}

/** All that is known of a cell, in a line. */
function cellTitle(quantity: ReportedQuantity): string {
  const { name, condition, estimate, standardError, unit, predicted, systematic, z } = quantity;
  const size = `${concise(estimate, standardError)}${unit === "1" ? "" : ` ${unit}`}`;
  const parts = [`${name} at ${printCondition(condition)}: ${size}`];
  if (predicted !== null) {
    parts.push(`predicted ${printPrediction(quantity)}`);
    parts.push(z === null ? "no z: there is no statistical error" : `z = ${printZ(z)}`);
  }
  if (systematic !== 0) parts.push(`bias ≤ ${plain(systematic, 2)}`);
  return parts.join("; ");
}

/** An estimate with its mark, which is kept beside it so that estimates stay in line. */
function pivotCell(quantity: ReportedQuantity | null): string {
  if (quantity === null) return "<td></td>";
  const { agrees, systematic, z } = quantity;
  const bound = systematic === 0 ? "" : `, bias ≤ ${notationHtml(plainNotation(systematic, 2))}`;
  const far = isFar(quantity) ? `<small>z ${minus(printZ(z))}${bound}</small>` : "";
  const mark = agrees === null ? "" : ` ${printMark(agrees)}`;
  const word = agrees === null ? "" : ` aria-label="${agrees ? "agrees" : "disagrees"}"`;
  const verdictHtml =
    agrees === null ? "" : `<span class="${verdict(quantity)}"${word}>${mark}</span>`;
  return (
    `<td class="number ${agrees === false ? "disagrees" : ""}" ` +
    `title="${escapeHtml(cellTitle(quantity))}">` +
    `${notationHtml(cellNotation(quantity))}${verdictHtml}${far}</td>`
  );
}

const predictionCell = (quantity: ReportedQuantity | null): string =>
  quantity === null || quantity.predicted === null
    ? `<td class="number">${quantity === null ? "" : "–"}</td>`
    : `<td class="number">${predictionHtml(quantity.predicted, quantity.standardError)}</td>`;

function pivotHead(column: PivotColumn): string {
  const common = commonPrediction(column);
  const unit = column.unit === "1" ? "" : `<small>${escapeHtml(column.unit)}</small>`;
  const prediction = common === null ? "" : `<small>predicted ${notationHtml(common)}</small>`;
  const name = escapeHtml(column.name);
  const head = `<th scope="col" class="number">${name}${unit}${prediction}</th>`;
  return column.predictionsDiffer
    ? `${head}<th scope="col" class="number">predicted${unit}</th>`
    : head;
}

function pivotHtml({ shared, keys, rows, columns }: PivotTable): string {
  const title = escapeHtml(printCondition(shared));
  const heads = keys.map((key) => `<th scope="col">${escapeHtml(key)}</th>`);
  const body = rows.map((values, row) => {
    const names = values.map((value) => `<th scope="row">${escapeHtml(minus(`${value}`))}</th>`);
    const cells = columns.map(({ cells, predictionsDiffer }) => {
      const cell = cells[row] ?? null;
      return pivotCell(cell) + (predictionsDiffer ? predictionCell(cell) : "");
    });
    return `<tr>${names.join("")}${cells.join("")}</tr>`;
  });
  const label = title === "" ? "results by condition" : title;
  return `${title === "" ? "" : `<h3>${title}</h3>\n`}<div class="scroll pivot" role="region"
 aria-label="${label}" tabindex="0"><table>
<thead><tr>${heads.join("")}${columns.map(pivotHead).join("")}</tr></thead>
<tbody>${body.join("\n")}</tbody></table></div>`;
}

/** Everything that was measured, with the agreement below. */
export function quantitiesHtml(quantities: readonly ReportedQuantity[]): string {
  if (quantities.length === 0) return `<p class="note">This experiment measures no numbers.</p>`;
  const { tables, rest } = pivot(quantities);
  const hint = tables.length === 0 ? "" : " Each cell of a table shows z and bias when pointed at.";
  return `${[listTable(rest), ...tables.map(pivotHtml)].join("\n")}
<p class="note">${escapeHtml(printAgreement(quantities))}. Digits in parentheses are one standard
error of the last digits; z = (estimate − predicted) / standard error.${hint}</p>`;
}
