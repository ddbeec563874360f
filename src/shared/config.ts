import { z } from "zod";

const integer = (fallback: number, min: number, max: number) =>
  z.coerce.number().int().min(min).max(max).default(fallback);

const environment = z.object({
  REDIS_URL: z.string().default("redis://127.0.0.1:6379"),
  DOCKER_HOST: z.string().default("unix:///var/run/docker.sock"),
  CODEBEAKER_HOST: z.string().default("127.0.0.1"),
  CODEBEAKER_PORT: integer(5000, 0, 65_535),
  CODEBEAKER_API_KEY: z.string().regex(/^\S+$/, "holds no spaces: a Bearer token can't").optional(),
  CODEBEAKER_ORIGINS: z
    .string()
    .default("")
    .transform((list) => list.split(",").map((origin) => origin.trim()))
    .transform((origins) => origins.filter((origin) => origin !== "")),
  CODEBEAKER_WORKER_ID: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/, "letters, digits, '_', '.' and '-' only")
    .optional(),
  CODEBEAKER_SLOTS: integer(64, 1, 1024),
  CODEBEAKER_CREATE_QUEUE: integer(1000, 1, 1_000_000),
  CODEBEAKER_KEY_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_.-]+$/, "letters, digits, '_', '.' and '-' only")
    .default("cb"),
  CODEBEAKER_RUNTIME: z.string().optional(),
  CODEBEAKER_UID_BASE: integer(100_000, 1, 4_000_000_000),
  CODEBEAKER_ENGINE_GONE_SECONDS: integer(660, 1, 86_400),
  CODEBEAKER_RETENTION_SECONDS: integer(3600, 1, 604_800),
  CODEBEAKER_MAX_OUTPUT_BYTES: integer(268_435_456, 1024, 1_073_741_824),
  CODEBEAKER_ALLOW_MISSING_LIMITS: z
    .enum(["true", "false"])
    .default("false")
    .transform((value) => value === "true"),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
});

/** What a process is configured by: the environment alone (docs/configuration.md says what each one means). */
export interface Config {
  redisUrl: string;
  dockerHost: string;
  host: string;
  port: number;
  /** Absent: no key is asked for, and the node listens on loopback only. */
  apiKey: string | undefined;
  /** Browser origins that may connect. */
  origins: string[];
  /** Absent: worked out from the engine (src/worker/fleet/engine.ts). */
  workerId: string | undefined;
  /** Live containers of a worker. */
  slots: number;
  /** Sessions that may wait as `Creating`. */
  createQueue: number;
  keyPrefix: string;
  /** OCI runtime; absent: the engine's default. */
  runtime: string | undefined;
  uidBase: number;
  /** An engine that has been away for so long counts as gone, and its sessions as lost. */
  engineGoneSeconds: number;
  /** How long a result can be read after its end. */
  retentionSeconds: number;
  /** The most that a client may ask for as `maxOutputBytes`. */
  maxOutputBytes: number;
  /** Go on with an engine that can't enforce memory, pids or CPU limits. */
  allowMissingLimits: boolean;
  logLevel: string;
}

/**
 * Reads the configuration from the environment; an empty variable counts as unset.
 * @throws Error that names each variable that is wrong, and why.
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const reasons = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`The configuration is wrong. ${reasons.join("; ")}`);
  }
  const e = parsed.data;
  return {
    redisUrl: e.REDIS_URL,
    dockerHost: e.DOCKER_HOST,
    host: e.CODEBEAKER_HOST,
    port: e.CODEBEAKER_PORT,
    apiKey: e.CODEBEAKER_API_KEY,
    origins: e.CODEBEAKER_ORIGINS,
    workerId: e.CODEBEAKER_WORKER_ID,
    slots: e.CODEBEAKER_SLOTS,
    createQueue: e.CODEBEAKER_CREATE_QUEUE,
    keyPrefix: e.CODEBEAKER_KEY_PREFIX,
    runtime: e.CODEBEAKER_RUNTIME,
    uidBase: e.CODEBEAKER_UID_BASE,
    engineGoneSeconds: e.CODEBEAKER_ENGINE_GONE_SECONDS,
    retentionSeconds: e.CODEBEAKER_RETENTION_SECONDS,
    maxOutputBytes: e.CODEBEAKER_MAX_OUTPUT_BYTES,
    allowMissingLimits: e.CODEBEAKER_ALLOW_MISSING_LIMITS,
    logLevel: e.LOG_LEVEL,
  };
}
