import { COMMAND_ALIASES } from "./commands.ts";

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const SNAKE_CASE = /^[a-z0-9]+(_[a-z0-9]+)+$/;

function camelCase(name: string): string {
  if (!SNAKE_CASE.test(name)) return name;
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Renames fields of one level; one whose new name is given already, or meant by another one, stays as it is. */
function rename(fields: Fields, newName: (name: string) => string): Fields {
  const meant = new Map<string, number>();
  for (const name of Object.keys(fields)) {
    const renamed = newName(name);
    meant.set(renamed, (meant.get(renamed) ?? 0) + 1);
  }
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const renamed = newName(name);
      return [meant.get(renamed) === 1 ? renamed : name, value];
    }),
  );
}

/**
 * The one step before validation: what existing CodeBeaker clients send, snake_case fields and aliases of commands,
 * becomes what the schemas name. Values (an `env`, for one) are left alone.
 */
export function toCurrentNames(params: unknown): unknown {
  if (!isFields(params)) return params;
  const current = rename(params, camelCase);
  if (!isFields(current.command)) return current;
  const command = rename(current.command, camelCase);
  const alias = typeof command.type === "string" ? COMMAND_ALIASES.get(command.type) : undefined;
  current.command = alias
    ? { ...rename(command, (name) => alias.fields.get(name) ?? name), type: alias.type }
    : command;
  return current;
}
