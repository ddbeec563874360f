import type { Cancellation, CommandControl } from "../../shared/redis/control.ts";
import type { AgentConnection, AgentListener } from "../agent/connection.ts";
import type { Execution } from "../execution.ts";

/**
 * What runs in a session: one command in the foreground, any number in the background. Knows which connection they are on,
 * and keeps what a client sent for a command that has not begun.
 */
export interface Executions {
  /** Takes up an execution, with how it is to be cancelled where that is known already. */
  add: (execution: Execution, cancel?: Cancellation) => void;
  continueOn: (connection: AgentConnection) => void;
  /** Where frames of the agent go. */
  listener: AgentListener;
  /** Resolves once it has been carried out. */
  control: (control: CommandControl) => Promise<void>;
  cancelAll: (reason: string) => void;
  abandonAll: () => void;
  count: () => number;
  /** Resolves when all have ended. */
  allEnded: () => Promise<void>;
}

/** Commands that may have something waiting for their start; each has at most 1 MiB of input (the accepting script). */
const MOST_EARLY = 64;

const AT_ONCE: Cancellation = { signal: "SIGKILL", graceMs: 0 };
const BY_CLIENT = "The command was cancelled.";

export function createExecutions(): Executions {
  const running = new Map<string, Execution>();
  const early = new Map<string, { control: CommandControl; done: () => void }[]>();
  let connection: AgentConnection | undefined;

  async function carryOut(execution: Execution, control: CommandControl): Promise<void> {
    if (control.type === "cancel") execution.cancel(control.cancel, BY_CLIENT);
    else if (control.type === "resize") execution.resize(control.columns, control.rows);
    else {
      const bytes = Buffer.from(control.data, "base64");
      await execution.input({ offset: control.offset, bytes, eof: control.eof });
    }
  }

  function keep(control: CommandControl): Promise<void> {
    return new Promise((done) => {
      const kept = early.get(control.commandId) ?? [];
      kept.push({ control, done });
      early.set(control.commandId, kept);
      if (early.size <= MOST_EARLY) return;
      // Of a command that ended before it began here.
      const [oldest] = early.keys();
      if (oldest !== undefined) forget(oldest);
    });
  }

  function forget(commandId: string): void {
    for (const { done } of early.get(commandId) ?? []) done();
    early.delete(commandId);
  }

  return {
    add: (execution, cancel) => {
      const { commandId } = execution;
      running.set(commandId, execution);
      void execution.done.then(() => running.delete(commandId));
      if (cancel) execution.cancel(cancel, BY_CLIENT);
      if (connection) execution.continueOn(connection);
      for (const { control, done } of early.get(commandId) ?? [])
        void carryOut(execution, control).then(done);
      early.delete(commandId);
    },
    continueOn: (next) => {
      connection = next;
      for (const execution of running.values()) execution.continueOn(next);
      void next.closed.then(() => {
        if (connection === next) connection = undefined;
      });
    },
    listener: {
      onOutput: (id, chunk) => running.get(id)?.onOutput(chunk),
      onEnd: (id, end) => running.get(id)?.onEnd(end),
      onStartRefused: (id, refusal) => running.get(id)?.onStartRefused(refusal),
      onInputTaken: (id, offset) => running.get(id)?.onInputTaken(offset),
    },
    control: (control) => {
      const execution = running.get(control.commandId);
      return execution ? carryOut(execution, control) : keep(control);
    },
    cancelAll: (reason) => {
      for (const execution of running.values()) execution.cancel(AT_ONCE, reason);
    },
    abandonAll: () => {
      for (const execution of running.values()) execution.abandon();
      for (const commandId of early.keys()) forget(commandId);
    },
    count: () => running.size,
    allEnded: async () => {
      await Promise.all([...running.values()].map(({ done }) => done));
    },
  };
}
