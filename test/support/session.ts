import { inject } from "vitest";
import { type Client, connect, type Json } from "./client.ts";

/** A session with the connection that made it. */
export interface TestSession {
  client: Client;
  sessionId: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what came over the wire
  execute: (command: Json, delivery?: Json) => Promise<any>;
  /** A line of bash. */
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what came over the wire
  shell: (line: string, delivery?: Json) => Promise<any>;
}

/** The address of an API node of the installation that tests share. */
export function sharedUrl(node = 0): string {
  const url = inject("urls")[node];
  if (!url) throw new Error(`there is no API node ${node}`);
  return url;
}

/** Runs `use` with a session of its own, which is closed after it, also when it fails. */
export async function withSession(
  use: (session: TestSession) => Promise<void>,
  params: Json = {},
  url = sharedUrl(),
): Promise<void> {
  const client = await connect(url);
  try {
    const { sessionId } = await client.call("session.create", { language: "python", ...params });
    const execute = (command: Json, delivery: Json = {}) =>
      client.call("session.execute", { sessionId, command, ...delivery });
    try {
      await use({
        client,
        sessionId,
        execute,
        shell: (line, delivery) =>
          execute({ type: "execute_shell", commandName: "bash", args: ["-c", line] }, delivery),
      });
    } finally {
      if (client.socket.readyState === client.socket.OPEN) await client.call("session.close", { sessionId });
    }
  } finally {
    await client.close();
  }
}
