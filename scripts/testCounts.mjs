// Adds up Vitest's JSON reports: `node scripts/testCounts.mjs report.json…` prints
// `passed failed skipped`. A file that does not load and a report that is missing or claims
// failure without naming one count as one failure each: nothing broken may look like a pass.
import { readFileSync } from "node:fs";

const totals = { passed: 0, failed: 0, skipped: 0 };

function count(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    console.error(`testCounts: ${path}: ${error.message}`);
    totals.failed += 1;
    return;
  }
  let failed = 0;
  for (const file of report.testResults) {
    const broken = file.assertionResults.filter(({ status }) => status === "failed").length;
    failed += broken > 0 || file.status !== "failed" ? broken : 1;
  }
  if (report.numPassedTests === 0 || (!report.success && failed === 0)) failed += 1;
  totals.passed += report.numPassedTests;
  totals.failed += failed;
  totals.skipped += report.numPendingTests + report.numTodoTests;
}

for (const path of process.argv.slice(2)) count(path);
console.log(`${totals.passed} ${totals.failed} ${totals.skipped}`);
