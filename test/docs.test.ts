import { readFileSync } from "node:fs";
import * as metaSchema from "@open-rpc/meta-schema";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { generatedDocuments } from "../deploy/docs/documents.ts";
import { Command } from "../src/shared/protocol/commands.ts";
import { ERRORS } from "../src/shared/protocol/errors.ts";
import { COMMAND_EXAMPLES, EXAMPLES, NOTIFICATION_EXAMPLES } from "../src/shared/protocol/examples.ts";
import { FileResult, ProgramResult } from "../src/shared/protocol/executions.ts";
import { METHODS } from "../src/shared/protocol/methods.ts";
import { NOTIFICATIONS } from "../src/shared/protocol/notifications.ts";
import {
  isMethodName,
  isNotificationName,
  jsonSchema,
  openRpcDocument,
} from "../src/shared/protocol/openrpc.ts";
import { SessionState } from "../src/shared/protocol/sessions.ts";
import { CommandState, Fault } from "../src/shared/protocol/verdict.ts";
import { withClient } from "./support/session.ts";

const methods = Object.keys(METHODS).filter(isMethodName);
const notifications = Object.keys(NOTIFICATIONS).filter(isNotificationName);
const committed = (name: string) => readFileSync(new URL(`../docs/${name}`, import.meta.url), "utf8");
const page = committed("protocol.md");

describe("the documents are those that the schemas make (npm run docs)", () => {
  test.each(generatedDocuments())("$file.pathname", ({ file, text }) => {
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("rpc.discover answers docs/openrpc.json", () =>
    withClient(async (client) => {
      expect(await client.call("rpc.discover")).toEqual(JSON.parse(committed("openrpc.json")));
    }));
});

describe("the OpenRPC document", () => {
  test("is one by the meta schema", () => {
    const ajv = new Ajv({ strict: false });
    // What the meta schema refers to, which is published apart from it: JSON Schema, draft 7.
    ajv.addSchema({ $id: "https://meta.json-schema.tools", $ref: "http://json-schema.org/draft-07/schema#" });
    ajv.addSchema({
      $id: "https://meta.json-schema.tools/",
      definitions: { JSONSchemaObject: { properties: { $ref: { type: "string" } } } },
    });
    // The types of the package do not say what it exports.
    const { openrpcDocument } = z
      .object({ openrpcDocument: z.record(z.string(), z.unknown()) })
      .parse(metaSchema);
    const { $schema: _, ...schema } = openrpcDocument;
    const fits = ajv.compile(schema);
    fits(openRpcDocument());
    expect(fits.errors).toBeNull();
  });

  test("has every method, command, notification and error", () => {
    const document = JSON.stringify(openRpcDocument());
    const names = [
      ...methods,
      ...notifications,
      ...Object.keys(ERRORS),
      ...Command.options.map(({ shape }) => shape.type.value),
    ];
    expect(names.filter((name) => !document.includes(`"${name}"`))).toEqual([]);
  });
});

describe("docs/protocol.md", () => {
  test("has a section for every method, command and notification, and a row for every error", () => {
    const sections = [
      ...methods,
      ...notifications,
      ...Command.options.map(({ shape }) => shape.type.value),
    ].map((name) => `\n### \`${name}\`\n`);
    const rows = Object.entries(ERRORS).map(([name, { code }]) => `\n| ${code} | \`${name}\` |`);
    expect([...sections, ...rows].filter((text) => !page.includes(text))).toEqual([]);
  });

  test("says what every state and fault means", () => {
    const named = [...CommandState.options, ...Fault.options, ...SessionState.options];
    expect(named.filter((name) => !page.includes(`\n| \`${name}\` | `))).toEqual([]);
  });
});

describe("every example fits its schema, the zod schema and the published one", () => {
  const ajv = new Ajv({ strict: false });
  /** Also that nothing of it is unknown: then parsing would leave it out. */
  const fits = (example: object, schema: Parameters<typeof jsonSchema>[0], io: "input" | "output") => {
    const check = ajv.compile(jsonSchema(schema, io));
    check(example);
    expect(check.errors).toBeNull();
    expect(schema.parse(example)).toMatchObject(example);
  };

  test.each(methods)("%s", (name) => {
    const { params, result } = EXAMPLES[name];
    fits(params, METHODS[name].params, "input");
    fits(result, METHODS[name].result, "output");
  });

  test.each(Command.options.map((schema) => ({ type: schema.shape.type.value, schema })))(
    "$type",
    ({ type, schema }) => {
      const { command, result } = COMMAND_EXAMPLES[type];
      fits(command, schema, "input");
      fits(result, type.startsWith("execute_") ? ProgramResult : FileResult, "output");
    },
  );

  test.each(notifications)("%s", (name) => {
    fits(NOTIFICATION_EXAMPLES[name], NOTIFICATIONS[name], "output");
  });
});

describe("what is no example does not fit the published schema", () => {
  const check = new Ajv({ strict: false }).compile(jsonSchema(METHODS["session.execute"].params, "input"));
  test.each([
    ["an unknown field", { timeout: 5 }],
    ["an unknown command", { command: { type: "format_disk" } }],
    ["a field of another command", { command: { type: "stat_file", path: "a", recursive: true } }],
    ["a number out of range", { timeoutMs: 0 }],
    ["a NUL byte in a path", { command: { type: "stat_file", path: "a\0b" } }],
  ])("%s", (_what, change) => {
    expect(check({ ...EXAMPLES["session.execute"].params, ...change })).toBe(false);
  });
});
