import { defineConfig } from "vitest/config";

// Of its own, so that nothing is started: the server is somebody else's.
export default defineConfig({
  test: {
    include: ["*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
