import { Command } from "../../src/shared/protocol/commands.ts";
import { ERRORS } from "../../src/shared/protocol/errors.ts";
import { COMMAND_EXAMPLES, EXAMPLES, NOTIFICATION_EXAMPLES } from "../../src/shared/protocol/examples.ts";
import { FileResult, ProgramResult } from "../../src/shared/protocol/executions.ts";
import { METHODS, type MethodName } from "../../src/shared/protocol/methods.ts";
import { NOTIFICATIONS, type NotificationName } from "../../src/shared/protocol/notifications.ts";
import {
  isErrorCode,
  isMethodName,
  isNotificationName,
  type JsonObject,
  jsonSchema,
} from "../../src/shared/protocol/openrpc.ts";
import { inputTable, outputTable } from "./field-table.ts";
import { fillTemplate } from "./template.ts";

function json(...messages: object[]): string {
  return ["```json", ...messages.map((message) => JSON.stringify(message)), "```"].join("\n");
}

function section(title: string, ...parts: string[]): string {
  return [`### \`${title}\``, ...parts].join("\n\n");
}

function method(name: MethodName): string {
  const { summary, params, result, errors } = METHODS[name];
  const example = EXAMPLES[name];
  return section(
    name,
    summary,
    inputTable(jsonSchema(params, "input")),
    ...(name === "rpc.discover" ? [] : ["Result:", outputTable(jsonSchema(result, "output"))]),
    ...(errors.length === 0 ? [] : [`Errors of its own: ${errors.map((code) => `\`${code}\``).join(", ")}.`]),
    json(
      { jsonrpc: "2.0", id: 1, method: name, params: example.params },
      { jsonrpc: "2.0", id: 1, result: example.result },
    ),
  );
}

function command(schema: (typeof Command)["options"][number]): string {
  const type = schema.shape.type.value;
  const { properties, description, ...rest } = jsonSchema(schema, "input");
  const { type: _, ...fields } = { type: undefined, ...Object(properties) };
  const { command: sent, result } = COMMAND_EXAMPLES[type];
  return section(
    type,
    String(description),
    inputTable({ ...rest, properties: fields }),
    json({ command: sent }, { result }),
  );
}

function notification(name: NotificationName): string {
  const { description, ...schema } = jsonSchema(NOTIFICATIONS[name], "output");
  return section(
    name,
    String(description),
    outputTable(schema),
    json({ jsonrpc: "2.0", method: name, params: NOTIFICATION_EXAMPLES[name] }),
  );
}

function errorTable(): string {
  const rows = Object.keys(ERRORS)
    .filter(isErrorCode)
    .map((name) => {
      const { code, fault, retryable, meaning } = ERRORS[name];
      return `| ${code} | \`${name}\` | ${fault} | ${retryable ? "yes" : "no"} | ${meaning} |`;
    });
  return [
    "| code | `data.code` | `data.fault` | retryable | meaning |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const sections = (parts: string[]) => parts.join("\n\n");
const resultTable = (schema: JsonObject) => outputTable(schema);

/** docs/protocol.md: the prose of the template, with everything that the schemas know put in. */
export function protocolPage(template: string): string {
  return fillTemplate(template, {
    methods: sections(Object.keys(METHODS).filter(isMethodName).map(method)),
    commands: sections(Command.options.map(command)),
    "program-result": resultTable(jsonSchema(ProgramResult, "output")),
    "file-result": resultTable(jsonSchema(FileResult, "output")),
    notifications: sections(Object.keys(NOTIFICATIONS).filter(isNotificationName).map(notification)),
    errors: errorTable(),
  });
}
