/** Results as tables, JSON, pages, figures and archives. */
export { drawFigure, omission } from "./figure.ts";
export { type PageSubject, printHtml } from "./html.ts";
export { concise, plain } from "./notation.ts";
export { decodeNpz, encodeNpz } from "./npz.ts";
export {
  assembleReport,
  jsonReport,
  judge,
  printJson,
  type Report,
  type ReportedQuantity,
  type ReportProvenance,
} from "./result.ts";
export { printTable } from "./table.ts";
export { printReport } from "./terminal.ts";
export { INLINE, PAPER, type Theme } from "./theme.ts";
