import { dockerClient } from "./stack.ts";

/** For `expect.poll`: what has to become true without a client being told. A deadline, no expectation. */
export const EVENTUALLY = { timeout: 60_000, interval: 100 };

/** The containers that the engine has for a session, whatever their state. */
export async function containersOf(sessionId: string): Promise<string[]> {
  const filters = JSON.stringify({ label: [`codebeaker.session=${sessionId}`] });
  const containers = await dockerClient().listContainers({ all: true, filters });
  return containers.map(({ Id }) => Id);
}
