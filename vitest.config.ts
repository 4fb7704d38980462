import { defineConfig } from "vitest/config";

// Forks, not threads: Vulkan never sees the environment of a worker thread, and the driver is
// chosen through it. One device per test file, destroyed in `afterAll`.
export default defineConfig({
  test: {
    pool: "forks",
    // Tests must take the same course on a busy machine; those of the tuner turn it on themselves.
    env: { THERMOGRAD_TUNE: "off" },
    include: ["test/**/*.test.ts"],
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ["test/announce.ts"],
  },
});
