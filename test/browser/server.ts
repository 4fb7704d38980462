/** Vite's dev server over this checkout, on a free port of localhost, without hot reload. */
import { fileURLToPath } from "node:url";
import { createServer, type ViteDevServer } from "vite";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface PageServer {
  /** Address of `test/browser/page/index.html`. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

function address(server: ViteDevServer): string {
  const bound = server.httpServer?.address();
  if (typeof bound !== "object" || bound === null) throw new Error("vite: bound to no port");
  return `http://localhost:${bound.port}/test/browser/page/index.html`;
}

export async function servePage(): Promise<PageServer> {
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "warn",
    cacheDir: `${root}.vite/browser-test`,
    server: { host: "localhost", port: 0, hmr: false, watch: null },
    // Known beforehand: a dependency found late makes Vite reload the page under the test.
    optimizeDeps: { entries: ["test/browser/page/index.html", "test/browser/page/worker.ts"] },
  });
  await server.listen();
  return { url: address(server), close: () => server.close() };
}
