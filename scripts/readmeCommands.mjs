// Runs the commands a README promises: every block fenced as ```sh ci, in order, from the
// checkout's root. `node scripts/readmeCommands.mjs [README.md]` exits 1 when one fails or when
// there is none.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const path = process.argv[2] ?? `${root}README.md`;
const text = readFileSync(path, "utf8");
const blocks = [...text.matchAll(/^```sh ci *\n([\s\S]*?)^```/gm)].map(([, body]) => body);

if (blocks.length === 0) {
  console.error(`readmeCommands: ${path} has no block fenced as \`\`\`sh ci.`);
  process.exit(1);
}
for (const block of blocks) {
  console.log(block.replace(/^(?=.)/gm, "$ ").trimEnd());
  const { status, signal } = spawnSync("bash", ["-euo", "pipefail", "-c", block], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    timeout: 10 * 60_000,
  });
  if (status !== 0) {
    console.error(`readmeCommands: this block failed (${signal ?? `exit code ${status}`}).`);
    process.exit(1);
  }
}
