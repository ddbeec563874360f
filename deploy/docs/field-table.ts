import { isJsonObject, type JsonObject } from "../../src/shared/protocol/openrpc.ts";

/** One field of an object, as a row shows it. */
interface Field {
  name: string;
  schema: JsonObject;
  required: boolean;
}

const thousands = (value: unknown) => Number(value).toLocaleString("en-US");
const objects = (value: unknown) => (Array.isArray(value) ? value.filter(isJsonObject) : []);
const code = (value: unknown) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

function fieldsOf({ properties, required }: JsonObject): Field[] {
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(isJsonObject(properties) ? properties : {})
    .filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]))
    .map(([name, schema]) => ({ name, schema, required: needed.has(name) }));
}

/** A type as one says it: `integer, 1 to 1,000`. */
function typeOf(schema: JsonObject): string {
  if (Array.isArray(schema.enum)) return schema.enum.map(code).join(", ");
  if (schema.const !== undefined) return code(schema.const);
  const options = [...objects(schema.anyOf), ...objects(schema.oneOf)];
  if (options.length > 0) return [...new Set(options.map(typeOf))].join(" or ");
  if (schema.type === "array") {
    const most = schema.maxItems === undefined ? "" : `, at most ${thousands(schema.maxItems)}`;
    return `list of ${isJsonObject(schema.items) ? typeOf(schema.items) : "anything"}${most}`;
  }
  if (schema.type === "object" && isJsonObject(schema.additionalProperties)) return "object of strings";
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : String(schema.type);
  return `${type}${rangeOf(schema)}`;
}

function rangeOf({ minimum, exclusiveMinimum, maximum, maxLength }: JsonObject): string {
  if (maxLength !== undefined) return `, at most ${thousands(maxLength)} characters`;
  const from = exclusiveMinimum === undefined ? minimum : `over ${thousands(exclusiveMinimum)}`;
  if (from === undefined) return "";
  const least = typeof from === "number" ? thousands(from) : from;
  return maximum === undefined ? `, from ${least}` : `, ${least} to ${thousands(maximum)}`;
}

function presence({ schema, required }: Field): string {
  if (required) return "required";
  if (schema.default === undefined) return "";
  return code(schema.default);
}

/** A field, and below it those of the object, the list of objects or the one object among its options. */
function rows(field: Field, prefix: string, withPresence: boolean): string[] {
  const { schema } = field;
  const name = `${prefix}${field.name}`;
  const cells = [
    code(withPresence || field.required ? name : `${name}?`),
    typeOf(schema),
    ...(withPresence ? [presence(field)] : []),
    typeof schema.description === "string" ? schema.description : "",
  ];
  const row = `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [row, ...below(schema, name).flatMap(([inner, path]) => rows(inner, path, withPresence))];
}

function below(schema: JsonObject, name: string): [Field, string][] {
  const items = schema.type === "array" && isJsonObject(schema.items) ? schema.items : undefined;
  const withFields = objects(schema.anyOf).filter(({ properties }) => properties !== undefined);
  const only = withFields.length === 1 ? withFields[0] : undefined;
  const path = items ? `${name}[].` : `${name}.`;
  return fieldsOf(items ?? only ?? schema).map((field) => [field, path]);
}

/** What a client sends: with what may be left out, and what it is then. */
export function inputTable(schema: JsonObject): string {
  const fields = fieldsOf(schema);
  if (fields.length === 0) return "It takes no parameters.";
  const head = "| field | type | default | meaning |\n|---|---|---|---|";
  return [head, ...fields.flatMap((field) => rows(field, "", true))].join("\n");
}

/** What a client gets. A field that may be absent is marked. */
export function outputTable(schema: JsonObject): string {
  const head = "| field | type | meaning |\n|---|---|---|";
  return [head, ...fieldsOf(schema).flatMap((field) => rows(field, "", false))].join("\n");
}
