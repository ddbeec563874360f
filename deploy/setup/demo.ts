import { z } from "zod";
import { SetupError } from "./errors.ts";
import type { Progress } from "./progress.ts";
import { connectRpc } from "./rpc-client.ts";

const created = z.object({ sessionId: z.string() });
const executed = z.object({
  success: z.boolean(),
  error: z.unknown().optional(),
  result: z.object({ exitCode: z.number().nullable().optional() }).loose().nullable(),
  durationMs: z.number().optional(),
});
const output = z.object({ stream: z.string(), data: z.string() });

const program = `import sys, time

print("Hello from Python", sys.version.split()[0])
for n in range(1, 4):
    time.sleep(0.3)
    print("step", n)
`;

/** Shows the way of a program through the real service: create a session, write a file, run it, close. */
export async function demonstrate(
  url: string,
  apiKey: string | undefined,
  progress: Progress,
): Promise<void> {
  const client = await connectRpc(url, apiKey);
  const timed = async (title: string, method: string, params: object): Promise<unknown> => {
    const startedAt = performance.now();
    const answer = await client.call(method, params);
    progress.say(`  ${title.padEnd(44)} ${(performance.now() - startedAt).toFixed(1).padStart(8)} ms`);
    return answer;
  };
  let unfinished = "";
  client.onNotification((method, params) => {
    const chunk = output.safeParse(params);
    if (method !== "execution.output" || !chunk.success) return;
    const lines = (unfinished + chunk.data.data).split("\n");
    unfinished = lines.pop() ?? "";
    for (const line of lines) progress.say(`    │ ${line}`);
  });

  progress.say(`\n▸ a demonstration over ${url}`);
  try {
    const { sessionId } = created.parse(
      await timed("session.create python", "session.create", { language: "python" }),
    );
    const execute = async (title: string, command: object, delivery: object = {}) => {
      const answer = executed.parse(
        await timed(title, "session.execute", { sessionId, command, ...delivery }),
      );
      if (!answer.success || (answer.result?.exitCode ?? 0) !== 0) {
        throw new SetupError(`the demonstration failed: ${title}: ${JSON.stringify(answer)}`);
      }
    };
    await execute("write_file hello.py", { type: "write_file", path: "hello.py", content: program });
    await execute(
      "execute_shell python3 hello.py (streamed)",
      { type: "execute_shell", commandName: "python3", args: ["hello.py"] },
      { stream: true },
    );
    await execute("execute_shell true", { type: "execute_shell", commandName: "true", args: [] });
    await timed("session.close", "session.close", { sessionId });
  } finally {
    client.close();
  }
}
