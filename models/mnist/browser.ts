/** In a browser there is no package to read: whoever has the files gives their bytes to `mnist`. */
import { DataError } from "../../engine/errors.ts";
import type { MnistFiles } from "./mnist.ts";

/** @throws DataError always. */
export async function readMnist(): Promise<MnistFiles> {
  throw new DataError(
    "mnist: the four files (53 MB) are not part of a page; fetch them and give their bytes to mnist(), " +
      "or run this in Node.",
  );
}
