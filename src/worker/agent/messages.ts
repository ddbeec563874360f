import { z } from "zod";

/** Types of frames, as docs/agent-protocol.md numbers them. */
export const FRAME = {
  HELLO: 0x01,
  START: 0x02,
  RESUME: 0x03,
  ACK: 0x04,
  ACK_END: 0x05,
  CANCEL: 0x06,
  STDIN: 0x07,
  STDIN_EOF: 0x08,
  RESIZE: 0x09,
  PING: 0x0a,
  HELLO_OK: 0x41,
  REFUSED: 0x42,
  START_REFUSED: 0x43,
  OUTPUT: 0x44,
  END: 0x45,
  STDIN_TAKEN: 0x46,
  PONG: 0x47,
} as const;

export const HelloOk = z.object({
  version: z.literal(1),
  epoch: z.number(),
  executions: z.array(z.object({ id: z.string(), state: z.enum(["running", "ended"]) })),
});

export const Refused = z.object({ reason: z.string(), epoch: z.number().optional() });

export const StartRefused = z.object({
  reason: z.enum(["ended", "limit", "invalid"]),
  message: z.string().optional(),
});
export type StartRefused = z.infer<typeof StartRefused>;

/** What the agent saw of the end of an execution: the only source of an exit code. */
export const AgentEnd = z.object({
  exitCode: z.number().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
  cancelled: z.boolean(),
  failure: z.object({ step: z.number(), op: z.string(), code: z.string(), message: z.string() }).optional(),
  result: z.record(z.string(), z.unknown()).optional(),
  wallMs: z.number(),
  cpuMs: z.number(),
  peakMemoryBytes: z.number(),
  oomKills: z.number(),
  offset: z.number(),
});
export type AgentEnd = z.infer<typeof AgentEnd>;

/** One step of a plan. */
export type Step = { always?: boolean } & (
  | {
      op: "run";
      argv: string[];
      env?: Record<string, string> | undefined;
      cwd?: string | undefined;
      stdin?: { data: string; encoding: "utf8" | "base64"; open: boolean } | undefined;
      pty?: { columns: number; rows: number } | undefined;
    }
  | {
      op: "write";
      path: string;
      content: string;
      encoding: "utf8" | "base64";
      mode: "create" | "createNew" | "append" | "overwrite";
      offset?: number | undefined;
    }
  | {
      op: "read";
      path: string;
      encoding?: "utf8" | "base64" | undefined;
      offset?: number | undefined;
      length?: number | undefined;
    }
  | { op: "mkdir"; path: string }
  | { op: "copy"; source: string; destination: string; overwrite: boolean }
  | { op: "move"; source: string; destination: string; overwrite: boolean }
  | { op: "stat"; path: string }
  | { op: "remove"; path: string; recursive: boolean; ignoreMissing: boolean }
  | { op: "list"; path: string; recursive: boolean; includeHidden: boolean }
);

/** What `START` carries. */
export interface Plan {
  timeoutMs?: number | undefined;
  steps: Step[];
}
