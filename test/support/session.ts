import { inject } from "vitest";
import { type ExecuteResult, FileResult, ProgramResult } from "../../src/shared/protocol/executions.ts";
import { NOTIFICATIONS } from "../../src/shared/protocol/notifications.ts";
import { type Client, connect, type Json, type Notification } from "./client.ts";

/** What a command is answered with, by what it was. */
export type Answer<Result> = Omit<ExecuteResult, "result"> & { result: Result };

/** A session with the connection that made it. */
export interface TestSession {
  client: Client;
  sessionId: string;
  program: (command: Json, delivery?: Json) => Promise<Answer<ProgramResult>>;
  file: (command: Json, delivery?: Json) => Promise<Answer<FileResult>>;
  /** A line of bash. */
  shell: (line: string, delivery?: Json) => Promise<Answer<ProgramResult>>;
}

/** The address of an API node of the installation that tests share. */
export function sharedUrl(node = 0): string {
  const url = inject("urls")[node];
  if (!url) throw new Error(`there is no API node ${node}`);
  return url;
}

/** Runs `use` with a connection of its own, which is closed after it. */
export async function withClient(use: (client: Client) => Promise<void>, url = sharedUrl()): Promise<void> {
  const client = await connect(url);
  try {
    await use(client);
  } finally {
    await client.close();
  }
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
    const program = async (command: Json, delivery: Json = {}) => {
      const answer = await client.call("session.execute", { sessionId, command, ...delivery });
      return { ...answer, result: ProgramResult.parse(answer.result) };
    };
    const file = async (command: Json, delivery: Json = {}) => {
      const answer = await client.call("session.execute", { sessionId, command, ...delivery });
      return { ...answer, result: FileResult.parse(answer.result) };
    };
    try {
      await use({
        client,
        sessionId,
        program,
        file,
        shell: (line, delivery) =>
          program({ type: "execute_shell", commandName: "bash", args: ["-c", line] }, delivery),
      });
    } finally {
      if (client.socket.readyState === client.socket.OPEN) await client.call("session.close", { sessionId });
    }
  } finally {
    await client.close();
  }
}

/** The output notifications of a command: one stream's bytes joined, or both streams' in the order sent. */
export function streamed(
  notifications: Notification[],
  commandId: string,
  stream?: "stdout" | "stderr",
): Buffer {
  const chunks = notifications
    .filter(({ method }) => method === "execution.output")
    .map(({ params }) => NOTIFICATIONS["execution.output"].parse(params))
    .filter((output) => output.commandId === commandId && (stream === undefined || output.stream === stream))
    .map(({ data, encoding }) => Buffer.from(data, encoding));
  return Buffer.concat(chunks);
}
