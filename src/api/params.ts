import type { z } from "zod";
import { toCurrentNames } from "../shared/protocol/compatibility.ts";
import { type ParamIssue, ProtocolError } from "../shared/protocol/errors.ts";

const MOST_ISSUES = 20;

/**
 * Parameters as a schema has them, with their defaults.
 * @throws ProtocolError INVALID_PARAMS that names every field that is wrong, and those that nobody knows.
 */
export function parseParams<S extends z.ZodType>(schema: S, params: unknown): z.output<S> {
  if (Array.isArray(params)) {
    throw new ProtocolError("INVALID_PARAMS", "Parameters go by name: send params as an object.");
  }
  const parsed = schema.safeParse(toCurrentNames(params ?? {}));
  if (parsed.success) return parsed.data;
  throw invalidParams(parsed.error.issues.flatMap(describe).slice(0, MOST_ISSUES));
}

export function invalidParams(issues: ParamIssue[]): ProtocolError {
  const reasons = issues.map(({ path, reason }) => `${path}: ${reason}`);
  return new ProtocolError("INVALID_PARAMS", `The parameters are wrong. ${reasons.join("; ")}.`, issues);
}

function describe(issue: z.core.$ZodIssue): ParamIssue[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), reason: "unknown field" }));
  }
  if (issue.code === "invalid_union" && issue.discriminator !== undefined) {
    return [
      {
        path: pathOf(issue.path),
        reason: `unknown ${issue.discriminator}${knownOptions("options" in issue && issue.options)}`,
      },
    ];
  }
  return [{ path: pathOf(issue.path), reason: issue.message }];
}

function knownOptions(options: unknown): string {
  return Array.isArray(options) ? `; known are ${options.join(", ")}` : "";
}

/** As one writes it: `command.args[0]`. */
function pathOf(path: PropertyKey[]): string {
  const joined = path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${String(part)}`))
    .join("")
    .replace(/^\./, "");
  return joined === "" ? "params" : joined;
}

/** @throws ProtocolError INVALID_PARAMS that names the most that may be asked for. */
export function checkOutputLimit(maxOutputBytes: number, mostBytes: number): void {
  if (maxOutputBytes <= mostBytes) return;
  throw invalidParams([
    { path: "maxOutputBytes", reason: `at most ${mostBytes} (CODEBEAKER_MAX_OUTPUT_BYTES of the server)` },
  ]);
}
