import { z } from "zod";
import { ERRORS } from "./errors.ts";
import { EXAMPLES } from "./examples.ts";
import { METHODS, type MethodName } from "./methods.ts";
import { NOTIFICATIONS, type NotificationName } from "./notifications.ts";

type JsonObject = Record<string, unknown>;

/** What a client may send (defaults not filled in), or what it gets. */
function jsonSchema(schema: z.ZodType, io: "input" | "output"): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** OpenRPC lists parameters one by one. */
function parameters(schema: z.ZodType): JsonObject[] {
  const { properties, required } = jsonSchema(schema, "input");
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(isJsonObject(properties) ? properties : {}).map(([name, property]) => ({
    name,
    required: needed.has(name),
    schema: property,
  }));
}

function methodObject(name: MethodName): JsonObject {
  const { summary, params, result } = METHODS[name];
  const { params: given, result: answered } = EXAMPLES[name];
  return {
    name,
    summary,
    paramStructure: "by-name",
    params: parameters(params),
    result: { name: "result", schema: jsonSchema(result, "output") },
    errors: Object.keys(ERRORS).map((code) => ({ $ref: `#/components/errors/${code}` })),
    examples: [
      {
        name,
        params: Object.entries(given).map(([parameter, value]) => ({ name: parameter, value })),
        result: { name: "result", value: answered },
      },
    ],
  };
}

const names = (table: object) => Object.keys(table);

function isMethodName(name: string): name is MethodName {
  return name in METHODS;
}

function isNotificationName(name: string): name is NotificationName {
  return name in NOTIFICATIONS;
}

/**
 * The OpenRPC 1.3 document (https://spec.open-rpc.org), made of the schemas that requests are checked by. Notifications of
 * the server, which OpenRPC has no place for, stand under `x-notifications`.
 */
export function openRpcDocument(): JsonObject {
  return {
    openrpc: "1.3.2",
    info: { title: "CodeBeaker", version: "1", description: "Runs untrusted code in sessions." },
    servers: [{ name: "default", url: "ws://localhost:5000/ws/jsonrpc" }],
    methods: names(METHODS).filter(isMethodName).map(methodObject),
    "x-notifications": names(NOTIFICATIONS)
      .filter(isNotificationName)
      .map((name) => ({ name, params: parameters(NOTIFICATIONS[name]) })),
    components: {
      errors: Object.fromEntries(
        Object.entries(ERRORS).map(([code, error]) => [
          code,
          { code: error.code, message: code, data: { code, fault: error.fault, retryable: error.retryable } },
        ]),
      ),
    },
  };
}
