import type { TestProject } from "vitest/node";
import { startStack } from "./stack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Two API nodes on one Redis, with one worker. */
    urls: string[];
    prefix: string;
  }
}

/** One installation for all tests that break nothing. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const stack = await startStack({ apis: 2 });
  project.provide("urls", stack.urls);
  project.provide("prefix", stack.prefix);
  return stack.stop;
}
