import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import type Docker from "dockerode";
import { type Stack, startStack } from "../test/support/stack.ts";
import { type Client, connect } from "./client.ts";
import { dockerExec } from "./docker-exec.ts";
import { measureFloor } from "./floor.ts";
import { type Figures, repeat, saturate } from "./measure.ts";
import { print, type Report, type Row } from "./report.ts";

const HELP = `npm run bench -- [--quick] [--json FILE]

Compares CodeBeaker (WebSocket to WebSocket, through Redis and the queue) with plain dockerode on the same engine.
  --quick      fewer repetitions: about a minute instead of four
  --json FILE  also writes the figures as JSON`;

/**
 * A service that has been used for some seconds is compared: until then V8 has not compiled what is hot. What the first
 * commands of a new one take is measured, too.
 */
const FRESH_COMMANDS = 1000;
const WARM_UP_COMMANDS = 2000;

const TRUE = ["true"];
const PYTHON = ["python3", "-c", "print(1)"];

interface BenchSession {
  client: Client;
  sessionId: string;
  container: Docker.Container;
}

async function openSession(stack: Stack): Promise<BenchSession> {
  const client = await connect(stack.urls[0] ?? "");
  const { sessionId, containerId } = await client.call("session.create", { language: "python" });
  return { client, sessionId, container: stack.docker.getContainer(containerId) };
}

async function execute({ client, sessionId }: BenchSession, [commandName, ...args]: string[]): Promise<void> {
  const command = { type: "execute_shell", commandName, args };
  const { result } = await client.call("session.execute", { sessionId, command });
  if (result.exitCode !== 0) throw new Error(JSON.stringify(result));
}

function row(name: string, ours: Figures, referenceName: string, reference: Figures): Row {
  const ratio = name.startsWith("throughput")
    ? ours.perSecond / reference.perSecond
    : ours.p50Ms / reference.p50Ms;
  return { name, ours, reference: { name: referenceName, ...reference }, ratio };
}

async function measureFresh(stack: Stack): Promise<Figures> {
  const session = await openSession(stack);
  const fresh = await repeat(FRESH_COMMANDS, 0, () => execute(session, TRUE));
  await session.client.call("session.close", { sessionId: session.sessionId });
  await session.client.close();
  return fresh;
}

async function compareExecute(
  stack: Stack,
  name: string,
  argv: string[],
  times: number,
  warmUp: number,
): Promise<Row> {
  const session = await openSession(stack);
  const ours = await repeat(times, warmUp, () => execute(session, argv));
  const reference = await repeat(Math.ceil(times / 4), 5, () =>
    dockerExec(stack.docker, session.container, argv),
  );
  await session.client.call("session.close", { sessionId: session.sessionId });
  await session.client.close();
  return row(name, ours, `dockerode exec ${argv[0]}`, reference);
}

/** The settings of a session's container, for one beside it that is no session's. */
async function sameContainer(session: BenchSession): Promise<Docker.ContainerCreateOptions> {
  const { Config, HostConfig } = await session.container.inspect();
  return {
    Image: Config.Image,
    Entrypoint: Config.Entrypoint,
    Cmd: Config.Cmd,
    User: Config.User,
    OpenStdin: true,
    StdinOnce: true,
    NetworkDisabled: true,
    HostConfig,
  };
}

async function compareCreate(stack: Stack, times: number): Promise<Row> {
  const sample = await openSession(stack);
  const options = await sameContainer(sample);
  // What was made is removed beside the next, on both sides, and its time is not counted.
  const removals: Promise<unknown>[] = [];
  const ours = await repeat(times, 1, async () => {
    const { sessionId } = await sample.client.call("session.create", { language: "python" });
    removals.push(sample.client.call("session.close", { sessionId }));
  });
  const reference = await repeat(times, 1, async () => {
    const container = await stack.docker.createContainer(options);
    await container.start();
    removals.push(container.remove({ force: true }).catch(() => {}));
  });
  await Promise.all(removals);
  await sample.client.call("session.close", { sessionId: sample.sessionId });
  await sample.client.close();
  return row("create", ours, "dockerode create+start", reference);
}

async function compareThroughput(stack: Stack, sessions: number, forMs: number): Promise<Row> {
  const opened = await Promise.all(Array.from({ length: sessions }, () => openSession(stack)));
  const ours = await saturate(
    opened.map((session) => () => execute(session, TRUE)),
    forMs,
  );
  const reference = await saturate(
    opened.map(
      ({ container }) =>
        () =>
          dockerExec(stack.docker, container, TRUE),
    ),
    forMs,
  );
  for (const { client, sessionId } of opened) {
    await client.call("session.close", { sessionId });
    await client.close();
  }
  return row(`throughput-${sessions}`, ours, `dockerode exec true, ${sessions} at once`, reference);
}

async function redisBytesPerCommand(stack: Stack, commands: number): Promise<number> {
  const session = await openSession(stack);
  const usedBytes = async () => Number(/^used_memory:(\d+)/m.exec(await stack.redis.info("memory"))?.[1]);
  // BullMQ's kept jobs and its stream of events reach their bounds first.
  for (let i = 0; i < 300; i++) await execute(session, TRUE);
  const before = await usedBytes();
  for (let i = 0; i < commands; i++) await execute(session, TRUE);
  const bytes = ((await usedBytes()) - before) / commands;
  await session.client.call("session.close", { sessionId: session.sessionId });
  await session.client.close();
  return bytes;
}

async function measure(stack: Stack, quick: boolean): Promise<Report> {
  const times = quick ? 200 : 1000;
  const forMs = quick ? 4000 : 15_000;
  const step = async <T>(what: string, work: Promise<T>): Promise<T> => {
    process.stderr.write(`measuring ${what} …\n`);
    return work;
  };
  const sample = await openSession(stack);
  const options = await sameContainer(sample);
  await sample.client.call("session.close", { sessionId: sample.sessionId });
  await sample.client.close();
  const floor = await step(
    "the floor of this machine",
    measureFloor(stack.docker, stack.redis, options, times),
  );
  const fresh = await step(`the first ${FRESH_COMMANDS} commands of a new service`, measureFresh(stack));
  const rows = [
    await step("execute-true", compareExecute(stack, "execute-true", TRUE, times, WARM_UP_COMMANDS)),
    await step("execute-python", compareExecute(stack, "execute-python", PYTHON, times / 4, 30)),
    await step("create", compareCreate(stack, quick ? 10 : 30)),
    await step("throughput-1", compareThroughput(stack, 1, forMs)),
    await step("throughput-8", compareThroughput(stack, 8, forMs)),
    await step("throughput-32", compareThroughput(stack, 32, forMs)),
  ];
  const bytes = await step("Redis memory", redisBytesPerCommand(stack, quick ? 500 : 2000));
  return { rows, floor, fresh, redisBytesPerCommand: bytes };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const stack = await startStack();
  try {
    const report = await measure(stack, values.quick);
    print(report);
    if (values.json) {
      mkdirSync(dirname(values.json), { recursive: true });
      writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
    }
  } finally {
    await stack.stop();
  }
}

await main();
