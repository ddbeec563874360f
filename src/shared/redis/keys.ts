/** Until keys name tenants, everything belongs to this one. */
export const TENANT = "default";

/** The name of every key, under one prefix (DESIGN §3 says what each holds). */
export function keysOf(prefix: string) {
  return {
    prefix,
    session: (sessionId: string) => `${prefix}:session:${sessionId}`,
    pending: (sessionId: string) => `${prefix}:session:${sessionId}:pending`,
    open: (sessionId: string) => `${prefix}:session:${sessionId}:open`,
    ended: (sessionId: string) => `${prefix}:session:${sessionId}:commands`,
    sessions: (tenant: string) => `${prefix}:sessions:${tenant}`,
    creating: `${prefix}:sessions:creating`,
    command: (commandId: string) => `${prefix}:command:${TENANT}:${commandId}`,
    output: (commandId: string) => `${prefix}:output:${TENANT}:${commandId}`,
    events: (sessionId: string) => `${prefix}:events:${sessionId}`,
    workers: `${prefix}:workers`,
    worker: (workerId: string) => `${prefix}:worker:${workerId}`,
    lease: (workerId: string) => `${prefix}:worker:${workerId}:lease`,
    workerSessions: (workerId: string) => `${prefix}:worker:${workerId}:sessions`,
    /** Channel: a session of the worker has a command. */
    bell: (workerId: string) => `${prefix}:bell:${workerId}`,
    control: (workerId: string) => `${prefix}:worker:${workerId}:control`,
    idempotency: (key: string) => `${prefix}:idempotency:${TENANT}:${key}`,
    deployment: `${prefix}:deployment`,
    /** BullMQ puts the queue's name behind it. */
    queuePrefix: `${prefix}:q`,
  };
}

export type Keys = ReturnType<typeof keysOf>;
