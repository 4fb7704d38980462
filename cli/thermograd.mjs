#!/usr/bin/env node
// The program `thermograd`: lets Node read TypeScript, then hands over to main.ts.
import { register } from "tsx/esm/api";

// tsx would otherwise read the tsconfig.json of whatever directory it is called from.
register({ tsconfig: false });

const BUG = 70;
const SHOW_CURSOR = "\x1b[?25h";

// A reader that has seen enough (`| head`) is no error; the files of --out are still written.
const ignoreClosedPipe = (error) => {
  if (error.code !== "EPIPE") throw error;
};
process.stdout.on("error", ignoreClosedPipe);
process.stderr.on("error", ignoreClosedPipe);

process.on("uncaughtException", (error) => {
  if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
  process.stderr.write(`${error?.stack ?? error}\nThis is a bug in thermograd.\n`);
  process.exit(BUG);
});

const [{ main }, { processIo }] = await Promise.all([import("./main.ts"), import("./wiring.ts")]);
process.exitCode = await main(process.argv.slice(2), processIo());

// A driver may keep the process alive (dawn.node does while a GPU object is referenced): once
// stdout is drained, half a second is left for an orderly end.
await new Promise((resolve) => process.stdout.write("", resolve));
setTimeout(() => process.exit(), 500).unref();
