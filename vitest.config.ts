import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Runs as it does against any server, as a child of test/conformance.test.ts.
    exclude: ["test/conformance/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // Deadlines for slow machines, not expectations: a container start under load takes seconds.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores: more files at once only wait for each other.
    maxWorkers: 3,
    sequence: { shuffle: true },
  },
});
