/**
 * The style sheet of `report.html`: one column, light and dark, and a version for paper.
 *
 * A pivot may reach out of the column to the right edge; where that is not enough it scrolls in its
 * box, its first column stays, and a shadow at the edge says that there is more.
 */
import { FONT, pageColors } from "./theme.ts";

export const styleSheet = (): string => `${pageColors()}
* { box-sizing: border-box; }
html { background: var(--background); color: var(--foreground); font: 16px/1.55 ${FONT};
  -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 52rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .4rem; text-wrap: balance; }
h2 { font-size: 1.1rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: .98rem; margin: 1.4rem 0 .4rem; }
p { margin: .6rem 0; }
.byline, figcaption, .note, dd { color: var(--muted); }
.byline { margin: 0 0 1.2rem; font-size: .92rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th { text-align: left; font-weight: 600; border-bottom: 1.5px solid var(--muted); }
th, td { padding: .35rem .9rem .35rem 0; vertical-align: baseline; }
td { border-bottom: 1px solid var(--grid); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pivot { width: max-content; min-width: 100%; max-width: calc(50vw + 50% - 1.25rem);
  background: linear-gradient(to left, var(--background) 50%, transparent) right / 2rem 100%
  no-repeat local, linear-gradient(to left, color-mix(in srgb, var(--muted) 40%, transparent),
  transparent) right / .6rem 100% no-repeat; }
.pivot table { font-size: .86rem; }
.pivot small { display: block; font-size: .85em; font-weight: 400; color: var(--muted); }
.pivot tr > :last-child { padding-right: 0; }
.pivot thead th { vertical-align: top; white-space: normal; }
.pivot small { white-space: nowrap; }
.pivot tbody th { border-bottom: 1px solid var(--grid); font-weight: 500; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.pivot tr > :first-child { position: sticky; left: 0; background: var(--background); }
td.name { font-weight: 500; }
td.agrees, td.doubtful, td.disagrees { white-space: nowrap; }
.agrees { color: var(--good); } .doubtful { color: var(--doubtful); }
.disagrees { color: var(--bad); font-weight: 600; }
:root { --good: #0a7a4d; --doubtful: #8a5a00; --bad: #c02717; }
@media (prefers-color-scheme: dark) {
  :root { --good: #43c893; --doubtful: #e6b04d; --bad: #ff7d6b; } }
sup { font-size: .72em; line-height: 0; }
code, pre { font: .88em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono",
  monospace; }
pre { background: var(--grid); padding: .7rem .9rem; border-radius: 6px; white-space: pre-wrap;
  overflow-wrap: anywhere; }
figure { margin: 1.8rem 0; break-inside: avoid; }
figure .scroll svg { display: block; width: 100%; min-width: 30rem; height: auto; }
figcaption { font-size: .92rem; margin-top: .3rem; }
figcaption b { color: var(--foreground); }
ul.warnings { padding-left: 1.1rem; } ul.warnings li { color: var(--doubtful); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0;
  font-size: .92rem; }
dt { font-weight: 500; } dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 36rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print {
  :root { --good: #0a7a4d; --doubtful: #8a5a00; --bad: #c02717; }
  html { font-size: 10.5pt; } body { padding: 0; max-width: none; }
  h2 { break-after: avoid; } tr { break-inside: avoid; } pre { border: 1px solid var(--grid); }
  .scroll { overflow: visible; } .pivot { width: auto; max-width: none; background: none; }
  .pivot table { font-size: .6rem; } .pivot th, .pivot td { padding-right: .5rem; }
  figure .scroll svg { min-width: 0; } }
@page { margin: 18mm; }
`;
