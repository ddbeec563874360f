import { randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import { type Client, connect } from "./client.ts";
import { isJson, type Json, textAt } from "./json.ts";

/** A name that nobody has used on the server. */
export function newId(what = "conformance"): string {
  return `${what}-${randomUUID()}`;
}

/** A session, and a connection to it, for all tests of a file. */
export interface SharedSession {
  client: Client;
  sessionId: string;
  execute: (command: Json, delivery?: Json) => Promise<unknown>;
  python: (code: string, delivery?: Json, more?: Json) => Promise<unknown>;
  shell: (line: string, delivery?: Json) => Promise<unknown>;
}

export async function openSession(params: Json = {}): Promise<SharedSession> {
  const client = await connect();
  const sessionId = textAt(
    await client.call("session.create", { language: "python", ...params }),
    "sessionId",
  );
  const execute = (command: Json, delivery: Json = {}) =>
    client.call("session.execute", { sessionId, command, ...delivery });
  const run = (commandName: string, code: string, delivery?: Json, more?: Json) =>
    execute({ type: "execute_shell", commandName, args: ["-c", code], ...more }, delivery);
  return {
    client,
    sessionId,
    execute,
    python: (code, delivery, more) => run("python3", code, delivery, more),
    shell: (line, delivery) => run("sh", line, delivery),
  };
}

export async function closeSession({ client, sessionId }: SharedSession): Promise<void> {
  await client.call("session.close", { sessionId }).catch(() => {});
  await client.close();
}

/** Opens a session before the tests of a file and closes it after them. */
export function sharedSession(params: Json = {}): () => SharedSession {
  let session: SharedSession | undefined;
  beforeAll(async () => {
    session = await openSession(params);
  });
  afterAll(async () => {
    if (session) await closeSession(session);
  });
  return () => {
    if (!session) throw new Error("there is no session yet");
    return session;
  };
}

/** Connects before the tests of a file and closes the connection after them. */
export function sharedClient(): () => Client {
  let client: Client | undefined;
  beforeAll(async () => {
    client = await connect();
  });
  afterAll(async () => {
    await client?.close();
  });
  return () => {
    if (!client) throw new Error("there is no connection yet");
    return client;
  };
}

/** Resolves with the params of the notification that a command has ended. */
export async function untilEnded(client: Client, commandId: string): Promise<unknown> {
  const { params } = await client.until(
    (method, about) => method === "execution.ended" && about.commandId === commandId,
  );
  return params;
}

/** Resolves when the output of a command, as far as it was sent, holds this text. */
export async function untilOutput(client: Client, commandId: string, text: string): Promise<void> {
  await client.until(
    (method) => method === "execution.output" && outputOf(client, commandId).toString().includes(text),
  );
}

/** The params of the notifications of one kind about a command, as they came. */
export function about(client: Client, method: string, commandId: string): Json[] {
  return client.notifications
    .filter((notification) => notification.method === method)
    .map(({ params }) => params)
    .filter(isJson)
    .filter((params) => params.commandId === commandId);
}

/** What a command has written, as far as it was sent to this connection: of one stream, or of both in their order. */
export function outputOf(client: Client, commandId: string, stream?: "stdout" | "stderr"): Buffer {
  const chunks = about(client, "execution.output", commandId)
    .filter((chunk) => stream === undefined || chunk.stream === stream)
    .map(({ data, encoding }) => Buffer.from(String(data), encoding === "base64" ? "base64" : "utf8"));
  return Buffer.concat(chunks);
}
