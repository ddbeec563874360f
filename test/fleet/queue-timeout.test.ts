import { expect, test } from "vitest";
import { ProgramResult } from "../../src/shared/protocol/executions.ts";
import { startWorker, withStack } from "../support/stack.ts";

test.concurrent("what waited too long for a worker that restarts ends without it; the rest runs when it is back", () =>
  withStack({}, async (stack, client) => {
    const { sessionId } = await client.call("session.create", { language: "python" });
    const execute = (commandId: string, more: object = {}) =>
      client.call("session.execute", {
        sessionId,
        commandId,
        command: {
          type: "execute_shell",
          commandName: "bash",
          args: ["-c", `echo ${commandId} >> ran; cat ran`],
        },
        ...more,
      });
    // It announces its successor, so its sessions are nobody's to end for 5 min.
    expect(await stack.workers[0]?.stop()).toBe(0);
    const patient = execute("patient");
    const hasty = await execute("hasty", { queueTimeoutMs: 1000 });
    expect(hasty).toMatchObject({
      success: false,
      result: { state: "expired", fault: "infrastructure", exitCode: null, stdout: "", oomKills: 0 },
    });
    expect(hasty.error).toMatch(/not started within queueTimeoutMs.*Send it again/);
    expect(await client.call("execution.status", { commandId: "patient" })).toMatchObject({
      state: "queued",
    });
    expect(await client.call("session.get", { sessionId })).not.toMatchObject({ state: "Lost" });

    stack.workers.push(await startWorker(stack.env));
    expect(ProgramResult.parse((await patient).result)).toMatchObject({
      state: "exited",
      stdout: "patient\n",
    });
  }));
