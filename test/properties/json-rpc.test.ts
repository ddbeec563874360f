import { once } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { z } from "zod";
import { sharedUrl, type TestSession, withClient, withSession } from "../support/session.ts";

const MIB = 1_048_576;
const MOST_IN_BATCH = 256;

/** A response by section 5 of the specification, with the error object that docs/protocol.md describes. */
const Id = z.union([z.string(), z.number(), z.null()]);
const Answer = z.union([
  z.strictObject({ jsonrpc: z.literal("2.0"), id: Id, result: z.unknown() }),
  z.strictObject({
    jsonrpc: z.literal("2.0"),
    id: Id,
    error: z.strictObject({
      code: z.int(),
      message: z.string().min(1),
      data: z.strictObject({
        // What goes wrong inside is the server's fault, not that of a strange request.
        code: z.string().refine((code) => code !== "INTERNAL_ERROR"),
        fault: z.enum(["caller", "infrastructure"]),
        retryable: z.boolean(),
        issues: z.array(z.strictObject({ path: z.string(), reason: z.string() })).optional(),
      }),
    }),
  }),
]);
type Answer = z.infer<typeof Answer>;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The id that a request must be answered with; undefined for a notification. */
function idOf(request: unknown): z.infer<typeof Id> | undefined {
  if (!isObject(request)) return null;
  const { jsonrpc, method, params, id } = request;
  const echoed = typeof id === "number" ? Math.abs(id) <= Number.MAX_SAFE_INTEGER : Id.safeParse(id).success;
  const isRequest =
    jsonrpc === "2.0" &&
    typeof method === "string" &&
    (params === undefined || (typeof params === "object" && params !== null));
  if (id === undefined) return isRequest ? undefined : null;
  return echoed ? Id.parse(id) : null;
}

/** What a frame must be answered with: ids, in any order; as a list or as one; or nothing. */
function expectation(frame: string): { ids: unknown[]; isBatch: boolean; code?: string } {
  if (Buffer.byteLength(frame) > MIB) return { ids: [], isBatch: false, code: "LIMIT_EXCEEDED" };
  let parsed: unknown;
  try {
    parsed = JSON.parse(frame);
  } catch {
    return { ids: [null], isBatch: false, code: "PARSE_ERROR" };
  }
  if (!Array.isArray(parsed)) return { ids: [idOf(parsed)].filter((id) => id !== undefined), isBatch: false };
  if (parsed.length === 0) return { ids: [null], isBatch: false, code: "INVALID_REQUEST" };
  if (parsed.length > MOST_IN_BATCH) return { ids: [null], isBatch: false, code: "LIMIT_EXCEEDED" };
  const ids = parsed.map(idOf).filter((id) => id !== undefined);
  return { ids, isBatch: ids.length > 0 };
}

/** A connection that hands over what it receives, less the notifications. */
async function openRaw() {
  const socket = new WebSocket(sharedUrl());
  const messages: unknown[] = [];
  let wake = () => {};
  socket.on("message", (data) => {
    const message: unknown = JSON.parse(String(data));
    if (!isObject(message) || !("method" in message)) messages.push(message);
    wake();
  });
  socket.on("close", () => wake());
  await once(socket, "open");
  return {
    socket,
    /** The next message; fails when the connection closes or nothing comes. */
    next: async (): Promise<unknown> => {
      const deadline = AbortSignal.timeout(30_000);
      while (messages.length === 0) {
        if (socket.readyState !== WebSocket.OPEN) throw new Error("the connection was closed");
        if (deadline.aborted) throw new Error("no answer came");
        await new Promise<void>((resolve) => {
          wake = resolve;
          setTimeout(resolve, 1000);
        });
      }
      return messages.shift();
    },
  };
}

let syncs = 0;

/** Sends a frame and returns what answers it; fails when that is not exactly what it must be. */
async function expectAnswered({ socket, next }: Awaited<ReturnType<typeof openRaw>>, frame: string) {
  const sent = Buffer.from(frame);
  const expected = expectation(sent.toString());
  const sync = `sync-${++syncs}`;
  socket.send(sent, { binary: false });
  socket.send(JSON.stringify({ jsonrpc: "2.0", id: sync, method: "language.list" }));
  const wanted = expected.ids.length > 0 || expected.code !== undefined ? 2 : 1;
  const received = [await next(), ...(wanted === 2 ? [await next()] : [])];
  const others = received.filter((message) => !isObject(message) || message.id !== sync);
  expect(others).toHaveLength(wanted - 1);
  if (wanted === 1) return;
  const [answer] = others;
  expect(Array.isArray(answer)).toBe(expected.isBatch);
  const answers: Answer[] = z.array(Answer).parse(expected.isBatch ? answer : [answer]);
  const inOrder = (ids: unknown[]) => ids.map((id) => JSON.stringify(id)).sort();
  if (expected.code !== "LIMIT_EXCEEDED") {
    expect(inOrder(answers.map(({ id }) => id))).toEqual(inOrder(expected.ids));
  }
  if (expected.code) expect(answers).toMatchObject([{ error: { data: { code: expected.code } } }]);
}

/** Requests that change nothing that matters, of every kind. */
function requests(sessionId: string): object[] {
  const program = { type: "execute_shell", commandName: "printf", args: ["%s", "a"], env: { A: "b" } };
  const call = (method: string, params?: object) => ({ jsonrpc: "2.0", id: 7, method, params });
  return [
    call("language.list"),
    call("session.get", { sessionId }),
    call("session.execute", { sessionId, command: program, timeoutMs: 5000, maxOutputBytes: 1000 }),
    call("session.execute", { sessionId, command: { type: "write_file", path: "a/b", content: "c" } }),
    call("session.execute", { session_id: sessionId, command: { type: "shell", command: "true" } }),
    call("session.execute", { sessionId, command: { type: "list_files", path: "." } }),
    call("execution.status", { commandId: "nothing" }),
    call("execution.input", { commandId: "nothing", data: "YQ==", encoding: "base64", offset: 3 }),
    call("execution.cancel", { commandId: "nothing", signal: "SIGINT", graceMs: 5 }),
    call("session.attach", { sessionId }),
    call("execution.detach", { commandId: "nothing" }),
  ];
}

/** JSON texts that stand for no ordinary value. */
const oddValue = fc.oneof(
  fc.constantFrom("null", "true", "0", "-0", '""', "[]", "{}", "1e400", "-1e400", "1e-400", "0.1"),
  fc.constantFrom("12345678901234567890123", "9007199254740993", "2147483648", "-1"),
  fc.constantFrom('"\\ud800"', '"a\\udc00b"', '"\\u0000"', '"__proto__"', '"\ufeff"', '"\u2028"'),
  fc.constantFrom('{"__proto__":{"a":1}}', '{"constructor":1}', '{"toString":null}', '{"length":1e9}'),
  fc.integer({ min: 1, max: 50_000 }).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`),
  fc.integer({ min: 1, max: 20_000 }).map((depth) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`),
  fc.integer({ min: 1, max: 300_000 }).map((length) => `"${"x".repeat(length)}"`),
  fc.json({ maxDepth: 3 }),
);

/** Puts an odd value in the place of one of the values of a JSON text. */
const changeValue = (text: string) => {
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?!:)|\d+|\btrue\b|\{\}|\[\]/g)];
  return fc.tuple(fc.nat(Math.max(0, values.length - 1)), oddValue).map(([which, odd]) => {
    const { index = 0, 0: value = "" } = values[which] ?? {};
    return text.slice(0, index) + odd + text.slice(index + value.length);
  });
};

/** Doubles a key, with the same or another value. */
const doubleKey = (text: string) => {
  const keys = [...text.matchAll(/"\w+":/g)].map(([key]) => key);
  return fc
    .tuple(fc.constantFrom(...keys), oddValue, fc.boolean())
    .map(([key, odd, first]) =>
      first ? text.replace("{", `{${key}${odd},`) : `${text.slice(0, -1)},${key}${odd}}`,
    );
};

const anyCharacter = fc.string({ unit: "binary", minLength: 1, maxLength: 3 });

/** Changes a text here and there. */
const scramble = (text: string) =>
  fc
    .array(fc.tuple(fc.nat(text.length - 1), fc.nat(3), anyCharacter), { minLength: 1, maxLength: 3 })
    .map((changes) =>
      changes.reduce(
        (changed, [at, remove, insert]) => changed.slice(0, at) + insert + changed.slice(at + remove),
        text,
      ),
    );

const cut = (text: string) => fc.nat(text.length).map((length) => text.slice(0, length));

function frames(sessionId: string): fc.Arbitrary<string> {
  const valid = fc.constantFrom(...requests(sessionId)).map((request) => JSON.stringify(request));
  const mutated = valid.chain((text) =>
    fc.oneof(
      { weight: 5, arbitrary: changeValue(text) },
      { weight: 3, arbitrary: scramble(text) },
      { weight: 2, arbitrary: doubleKey(text) },
      { weight: 1, arbitrary: cut(text) },
      { weight: 1, arbitrary: fc.constant(text.replace('"id":7,', "")) },
    ),
  );
  return fc.oneof(
    { weight: 12, arbitrary: mutated },
    { weight: 3, arbitrary: fc.array(mutated, { maxLength: 5 }).map((members) => `[${members.join(",")}]`) },
    { weight: 1, arbitrary: oddValue },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 100 }) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 200, max: 300 }).map((count) => JSON.stringify(Array(count).fill({}))),
    },
  );
}

async function expectUsable({ shell }: TestSession): Promise<void> {
  expect(await shell("echo usable")).toMatchObject({ success: true, result: { stdout: "usable\n" } });
}

test("every mutated frame is answered as JSON-RPC has it, and disturbs neither connection, session nor client", () =>
  withSession(async (session) => {
    const raw = await openRaw();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(frames(session.sessionId), async (frame) => {
        await expectAnswered(raw, frame);
        if (++count % 25 === 0) await expectUsable(session);
      }),
      { numRuns: 300 },
    );
    await expectUsable(session);
    raw.socket.terminate();
  }));

test("a message around 1 MiB is carried out or refused, and the connection works on", () =>
  withSession(async (session) => {
    const raw = await openRaw();
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -200, max: 200 }), fc.constantFrom("x", "ż"), async (more, unit) => {
        const head = `{"jsonrpc":"2.0","id":1,"method":"language.list","params":{"a":"`;
        const bytes = Math.floor((MIB + more - head.length) / Buffer.byteLength(unit));
        await expectAnswered(raw, `${head}${unit.repeat(bytes)}"}}`);
      }),
      { numRuns: 20 },
    );
    await expectUsable(session);
    raw.socket.terminate();
  }));

test("bytes that are no UTF-8 close their own connection with 1007 and disturb no other", () =>
  withSession(async (session) => {
    const text = JSON.stringify(requests(session.sessionId)[2]);
    await fc.assert(
      fc.asyncProperty(fc.nat(text.length - 1), fc.integer({ min: 0x80, max: 0xff }), async (at, byte) => {
        const { socket } = await openRaw();
        const bytes = Buffer.from(text);
        bytes.writeUInt8(byte, at);
        const closed = once(socket, "close");
        socket.send(bytes, { binary: false });
        expect((await closed)[0]).toBe(1007);
      }),
      { numRuns: 20 },
    );
    await expectUsable(session);
  }));

test("a client that leaves with much unread disturbs no other", () =>
  withSession(async (session) => {
    const { sessionId } = session;
    const command = { type: "execute_shell", commandName: "head", args: ["-c", "20000000", "/dev/zero"] };
    const params = { sessionId, command, stream: true, background: true, maxOutputBytes: 20_000_000 };
    for (let i = 0; i < 3; i++) {
      const { socket } = await openRaw();
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "session.execute", params }));
      await once(socket, "message");
      socket.pause();
      await expectUsable(session);
      socket.terminate();
    }
    await expectUsable(session);
    await withClient(async (client) => {
      expect(await client.call("session.get", { sessionId })).toMatchObject({ sessionId });
    });
  }));
