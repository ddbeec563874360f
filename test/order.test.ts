import { describe, expect, test } from "vitest";
import { type Client, connect, type Json } from "./support/client.ts";
import { sharedUrl } from "./support/session.ts";

const SESSIONS = 8;
const COMMANDS = 500;

/** Commands that each append their number to `order`, numbered by session. */
type Numbered = (number: number) => Json;

const byProgram: Numbered = (number) => ({
  type: "execute_shell",
  commandName: "bash",
  args: ["-c", `echo ${number} >> order`],
});

const byFile: Numbered = (number) => ({
  type: "write_file",
  path: "order",
  content: `${number}\n`,
  mode: "Append",
});

/**
 * Sends `COMMANDS` at once over `SESSIONS` sessions and all `connections` in turn, each session by one connection,
 * and returns what each session's `order` holds afterwards.
 */
async function sendAllAtOnce(connections: Client[], command: Numbered): Promise<unknown[]> {
  const sessions = await Promise.all(
    Array.from({ length: SESSIONS }, async (_, index) => {
      const client = connections[index % connections.length];
      if (!client) throw new Error("there is no connection");
      return { client, ...(await client.call("session.create", { language: "python", memoryLimitMB: 128 })) };
    }),
  );
  try {
    const sent = Array.from({ length: COMMANDS }, (_, index) => {
      const session = sessions[index % SESSIONS];
      const number = Math.floor(index / SESSIONS);
      return session?.client.call("session.execute", {
        sessionId: session.sessionId,
        command: command(number),
      });
    });
    for (const answer of await Promise.all(sent)) expect(answer).toMatchObject({ success: true });
    const read = { type: "read_file", path: "order" };
    return await Promise.all(
      sessions.map(async ({ client, sessionId }) => {
        const { result } = await client.call("session.execute", { sessionId, command: read });
        return "content" in result ? result.content : undefined;
      }),
    );
  } finally {
    await Promise.all(sessions.map(({ client, sessionId }) => client.call("session.close", { sessionId })));
  }
}

/** What each session's `order` must hold: its numbers from 0 on. */
const inOrder = Array.from({ length: SESSIONS }, (_, session) => {
  const count = Math.ceil((COMMANDS - session) / SESSIONS);
  return Array.from({ length: count }, (_, number) => `${number}\n`).join("");
});

describe("commands of a session run in the order they were accepted", () => {
  test("500 sent at once over 8 sessions, through both API nodes", async () => {
    const connections = await Promise.all([connect(sharedUrl(0)), connect(sharedUrl(1))]);
    expect(await sendAllAtOnce(connections, byProgram)).toEqual(inOrder);
    await Promise.all(connections.map((client) => client.close()));
  });

  test("also with file commands in between", async () => {
    const connections = [await connect(sharedUrl())];
    const mixed: Numbered = (number) => (number % 3 === 0 ? byFile(number) : byProgram(number));
    expect(await sendAllAtOnce(connections, mixed)).toEqual(inOrder);
    await Promise.all(connections.map((client) => client.close()));
  });
});
