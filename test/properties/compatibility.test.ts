import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Command } from "../../src/shared/protocol/commands.ts";
import { toCurrentNames } from "../../src/shared/protocol/compatibility.ts";
import { EXAMPLES } from "../../src/shared/protocol/examples.ts";
import { METHODS } from "../../src/shared/protocol/methods.ts";
import { isMethodName } from "../../src/shared/protocol/openrpc.ts";

/** Names as clients have them, and such that do not go together, or that every object has. */
const name = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."aB_1"), maxLength: 6 }),
  fc.constantFrom(
    "timeout_ms",
    "timeoutMs",
    "command",
    "commandName",
    "command_name",
    "type",
    "constructor",
    "to_string",
    "__proto__",
    "has_own_property",
    "a_b_1",
    "a_b1",
  ),
  fc.string({ maxLength: 5 }),
);
const fields = (value: fc.Arbitrary<unknown>) =>
  fc
    .array(fc.tuple(name, value), { maxLength: 8 })
    .map((entries): Record<string, unknown> => Object.fromEntries(entries));
const command = fc
  .tuple(
    fields(fc.jsonValue({ maxDepth: 1 })),
    fc.constantFrom("shell", "execute", "create_dir", "execute_shell", "constructor", 7),
  )
  .map(([rest, type]) => ({ ...rest, type }));
const params = fc
  .tuple(fields(fc.jsonValue({ maxDepth: 2 })), fc.option(command, { nil: undefined }))
  .map(([rest, command]) => (command ? { ...rest, command } : rest));

function valuesOf(given: unknown): string[] {
  return Object.values(Object(given))
    .map((value) => JSON.stringify(value))
    .sort();
}

function snakeCase(names: unknown): unknown {
  if (typeof names !== "object" || names === null || Array.isArray(names)) return names;
  return Object.fromEntries(
    Object.entries(names).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

describe("the names of older clients", () => {
  test("once current, names stay as they are", () => {
    fc.assert(
      fc.property(params, (given) => {
        const once = toCurrentNames(given);
        expect(JSON.stringify(toCurrentNames(once))).toBe(JSON.stringify(once));
      }),
      { numRuns: 1000 },
    );
  });

  test("no value is lost or changed, whatever the names", () => {
    fc.assert(
      fc.property(params, (given) => {
        const { command: before, ...rest } = { command: undefined, ...given };
        const { command: after, ...current } = { command: undefined, ...Object(toCurrentNames(given)) };
        expect(valuesOf(current)).toEqual(valuesOf(rest));
        if (before === undefined || typeof before !== "object") return;
        expect(Object.keys(Object(after))).toHaveLength(Object.keys(Object(before)).length);
      }),
      { numRuns: 1000 },
    );
  });

  test("what is given is not touched", () => {
    fc.assert(
      fc.property(params, (given) => {
        const before = JSON.stringify(given);
        toCurrentNames(given);
        expect(JSON.stringify(given)).toBe(before);
      }),
    );
  });

  test("a name that no client may have is handed on, to be refused by the name it came with", () => {
    for (const name of ["to_string", "has_own_property", "value_of", "__proto__"]) {
      const given: unknown = JSON.parse(`{${JSON.stringify(name)}: 1}`);
      expect(Object.values(Object(toCurrentNames(given)))).toEqual([1]);
    }
    expect(Object.keys(Object(toCurrentNames({ to_string: 1 })))).toEqual(["toString"]);
  });

  test("what is no object is left alone", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.jsonValue()), fc.string(), fc.double(), fc.constant(null)),
        (given) => {
          expect(toCurrentNames(given)).toBe(given);
        },
      ),
    );
  });

  test.each(Object.keys(METHODS).filter(isMethodName))("%s in snake_case is the same request", (method) => {
    const { params } = EXAMPLES[method];
    const inSnakeCase = { ...Object(snakeCase(params)) };
    if ("command" in inSnakeCase) inSnakeCase.command = snakeCase(inSnakeCase.command);
    expect(METHODS[method].params.parse(toCurrentNames(inSnakeCase))).toEqual(
      METHODS[method].params.parse(params),
    );
  });

  test("the aliases of commands are the commands", () => {
    const text = fc.string().filter((value) => !value.includes("\0") && value.length > 0);
    fc.assert(
      fc.property(text, fc.array(text), (program, args) => {
        const shell = { type: "shell", command: program, args };
        const { command } = Object(toCurrentNames({ command: shell }));
        expect(Command.parse(command)).toMatchObject({ type: "execute_shell", commandName: program, args });
      }),
    );
  });
});
