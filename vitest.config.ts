import { defineConfig } from "vitest/config";

/** How much slower than usual the machine is that the tests run on; npm run test:cgroup-v2 sets it. */
const slowness = Number(process.env.CODEBEAKER_TEST_SLOWNESS || 1);
const isSlow = slowness > 1;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // Runs as it does against any server, as a child of test/conformance.test.ts.
    exclude: ["test/conformance/**"],
    globalSetup: ["test/support/global-setup.ts"],
    // Deadlines for slow machines, not expectations: a container start under load takes seconds.
    testTimeout: 120_000 * slowness,
    hookTimeout: 120_000 * slowness,
    // Two cores: more files at once only wait for each other.
    maxWorkers: isSlow ? 1 : 3,
    maxConcurrency: isSlow ? 1 : 5,
    sequence: { shuffle: true },
  },
});
