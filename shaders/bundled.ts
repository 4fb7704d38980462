/** Inlines every `.wgsl` file below `shaders/` when Vite bundles; `node.ts` reads them in Node. */
const files = import.meta.glob<string>("./**/*.wgsl", {
  query: "?raw",
  import: "default",
  eager: true,
});

export const sources: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(files).map(([path, text]) => [path.replace(/^\.\/|\.wgsl$/g, ""), text]),
);
