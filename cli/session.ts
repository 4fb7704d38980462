/** The device of a command: opened at first use, named once on stderr, reopened when lost. */
import type { Device } from "../engine/device.ts";
import type { Execution } from "../engine/index.ts";
import { deviceOptions, type Io } from "./io.ts";

export interface Session {
  readonly device: () => Promise<Device>;
  /** Gives up a lost device; the next `device()` opens another. */
  readonly close: () => Promise<void>;
}

/** `llvmpipe (LLVM 19.1.7, 256 bits) (software: runs on the CPU)` */
const describe = ({ info }: Device): string =>
  `adapter: ${info.adapter}${info.software ? " (software: runs on the CPU)" : ""}`;

/** `execution` holds for all ensembles on the device. */
export function createSession(
  io: Io,
  adapter: string | undefined,
  execution: Execution = {},
): Session {
  const own = Object.keys(execution).length === 0 ? {} : { execution };
  let open: Promise<Device> | null = null;
  let described = "";
  const start = async () => {
    const device = await io.openDevice({ ...deviceOptions(io, adapter), ...own });
    const description = describe(device);
    if (description !== described) io.stderr.write(`${description}\n`);
    described = description;
    return device;
  };
  return {
    device: () => {
      open ??= start();
      return open;
    },
    close: async () => {
      const closing = open;
      open = null;
      // A device that did not open has nothing to close; whoever asked for it has the error.
      const device = await closing?.catch(() => null);
      await device?.destroy();
    },
  };
}
