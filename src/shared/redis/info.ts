/** A field of the answer to INFO; empty where it is not there. */
export function infoField(info: string, field: string): string {
  return new RegExp(`^${field}:(.*)$`, "m").exec(info)?.[1]?.trim() ?? "";
}
