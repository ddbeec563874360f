import { z } from "zod";
import { ERRORS, type ErrorCode, ErrorData } from "./errors.ts";
import { COMMAND_EXAMPLES, EXAMPLES, NOTIFICATION_EXAMPLES } from "./examples.ts";
import { COMMON_ERRORS, METHODS, type MethodName, REQUEST_ERRORS } from "./methods.ts";
import { NOTIFICATIONS, type NotificationName } from "./notifications.ts";

export type JsonObject = Record<string, unknown>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * What a client may send (defaults not filled in), or what it gets: that may gain fields, and clients pass over those that
 * they do not know.
 */
export function jsonSchema(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    target: "draft-7",
    unrepresentable: "any",
    override: ({ jsonSchema: made }) => {
      if (io === "output") delete made.additionalProperties;
      // What every integer of JSON is.
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
    },
  });
  return rest;
}

/** OpenRPC lists parameters one by one. */
function parameters(schema: z.ZodType, io: "input" | "output"): JsonObject[] {
  const { properties, required } = jsonSchema(schema, io);
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(isJsonObject(properties) ? properties : {}).map(([name, property]) => ({
    name,
    ...(isJsonObject(property) && { description: property.description }),
    required: needed.has(name),
    schema: property,
  }));
}

function example(name: string, params: object, result: object): JsonObject {
  return {
    name,
    params: Object.entries(params).map(([parameter, value]) => ({ name: parameter, value })),
    result: { name: "result", value: result },
  };
}

function examplesOf(name: MethodName): JsonObject[] {
  const { params, result } = EXAMPLES[name];
  if (name !== "session.execute") return [example(name, params, result)];
  const commands = Object.entries(COMMAND_EXAMPLES).map(([type, { command, result: done }]) =>
    example(type, { ...params, stream: false, command }, { ...result, result: done }),
  );
  return [example(name, params, result), ...commands];
}

const reference = (code: ErrorCode) => ({ $ref: `#/components/errors/${code}` });

function methodObject(name: MethodName): JsonObject {
  const { summary, params, result, errors } = METHODS[name];
  return {
    name,
    summary,
    paramStructure: "by-name",
    params: parameters(params, "input"),
    result: { name: "result", required: true, schema: jsonSchema(result, "output") },
    errors: [...errors, ...COMMON_ERRORS, ...REQUEST_ERRORS].map(reference),
    examples: examplesOf(name),
  };
}

function notificationObject(name: NotificationName): JsonObject {
  const schema = NOTIFICATIONS[name];
  return {
    name,
    summary: jsonSchema(schema, "output").description,
    params: parameters(schema, "output"),
    examples: [{ jsonrpc: "2.0", method: name, params: NOTIFICATION_EXAMPLES[name] }],
  };
}

function errorObject(name: ErrorCode): JsonObject {
  const { code, fault, retryable, meaning } = ERRORS[name];
  const issues = [{ path: "command.args[0]", reason: "Invalid input: expected string, received number" }];
  return {
    code,
    message: meaning,
    data: { code: name, fault, retryable, ...(name === "INVALID_PARAMS" && { issues }) },
  };
}

const names = (table: object) => Object.keys(table);

export function isMethodName(name: string): name is MethodName {
  return name in METHODS;
}

export function isNotificationName(name: string): name is NotificationName {
  return name in NOTIFICATIONS;
}

export function isErrorCode(name: string): name is ErrorCode {
  return name in ERRORS;
}

/**
 * The OpenRPC 1.3 document (https://spec.open-rpc.org), made of the schemas that requests are checked by. Notifications of
 * the server, which OpenRPC has no place for, stand under `x-notifications`.
 */
export function openRpcDocument(): JsonObject {
  return {
    openrpc: "1.3.2",
    info: {
      title: "CodeBeaker",
      version: "1",
      description: "Runs untrusted code in sessions. The version is that of the protocol.",
    },
    servers: [{ name: "default", url: "ws://localhost:5000/ws/jsonrpc" }],
    methods: names(METHODS).filter(isMethodName).map(methodObject),
    components: {
      errors: Object.fromEntries(
        names(ERRORS)
          .filter(isErrorCode)
          .map((name) => [name, errorObject(name)]),
      ),
      schemas: { ErrorData: jsonSchema(ErrorData, "output") },
    },
    "x-notifications": names(NOTIFICATIONS).filter(isNotificationName).map(notificationObject),
  };
}
