/** The page of the browser test: hands `window.engine` to the test that drives it. */
import { type Client, connect } from "../../../engine/client.ts";
import type { programs } from "./programs.ts";

export type PageEngine = Client<typeof programs>;

const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
Object.assign(globalThis, { engine: connect<typeof programs>(worker) });
