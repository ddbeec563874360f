import { COMMAND_ALIASES } from "./commands.ts";

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Renames fields of one level; a field that is given under its new name already stays as it is. */
function rename(fields: Fields, newName: (name: string) => string): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const renamed = newName(name);
      return [renamed !== name && renamed in fields ? name : renamed, value];
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
