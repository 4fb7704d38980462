/**
 * A headless Chromium with WebGPU: the one of THERMOGRAD_CHROMIUM, else the one packed in npm's
 * `@sparticuz/chromium` (linux x64), else the one Playwright installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { type Browser, chromium, type LaunchOptions } from "playwright";
import { type ChromiumFolder, chromiumFolder } from "../../engine/adapter/packed.ts";

const ARGUMENTS = [
  "--enable-unsafe-webgpu", // SwiftShader, where there is no GPU
  "--no-sandbox", // Chromium refuses to run as root with it
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  "--disable-quic",
];

const REMEDY =
  "pass the path of a Chromium or Chrome in THERMOGRAD_CHROMIUM, or run: " +
  "npx playwright install chromium";

/** Environment under which the packed Chromium finds its libraries and a font. */
function environment({ executable, libraries, fonts }: ChromiumFolder): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined) env[name] = value;
  // The packed NSS is older than a system's: used only where the system has none.
  if (spawnSync(executable, ["--version"], { env }).status !== 0) {
    env.LD_LIBRARY_PATH = [libraries, env.LD_LIBRARY_PATH].filter((path) => path).join(":");
  }
  if (!existsSync("/etc/fonts/fonts.conf")) env.FONTCONFIG_PATH = fonts;
  return env;
}

async function launchOptions(): Promise<LaunchOptions> {
  const named = process.env.THERMOGRAD_CHROMIUM;
  if (named) return { executablePath: named, args: ARGUMENTS };
  const packed = await chromiumFolder();
  if (packed === undefined) return { args: ARGUMENTS };
  const env = environment(packed);
  return { executablePath: packed.executable, args: ARGUMENTS, env };
}

// Chromium 143 calls setenv and getenv from two threads while it starts; about one start in a
// hundred dies of it, in glibc's getenv. Only that, a crash before the first page, is tried again.
const STARTS = 3;

/** @throws Error with the remedy when no Chromium starts. */
export async function launchChromium(): Promise<Browser> {
  try {
    const options = await launchOptions();
    for (let start = 1; ; start++) {
      try {
        return await chromium.launch(options);
      } catch (error) {
        if (start === STARTS || !String(error).includes("signal=SIGSEGV")) throw error;
        console.warn(`Chromium crashed at its start ${start}; trying again.`);
      }
    }
  } catch (error) {
    const fact = error instanceof Error ? error.message : String(error);
    throw new Error(`browser test: Chromium did not start; ${REMEDY}.\n${fact}`);
  }
}
