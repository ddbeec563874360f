import { createHash } from "node:crypto";

/** The first 16 hex digits of the sha256 over parts, each with its length so that no two lists look alike. */
export function contentKey(parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest("hex").slice(0, 16);
}
