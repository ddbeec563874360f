import { readFileSync } from "node:fs";
import { openRpcDocument } from "../../src/shared/protocol/openrpc.ts";
import { protocolPage } from "./protocol-page.ts";

const DOCS = new URL("../../docs/", import.meta.url);

/** A file of docs/ that is made of the schemas, and what it has to hold. */
export interface GeneratedDocument {
  file: URL;
  text: string;
}

export function generatedDocuments(): GeneratedDocument[] {
  const template = readFileSync(new URL("templates/protocol.md", import.meta.url), "utf8");
  return [
    { file: new URL("openrpc.json", DOCS), text: `${JSON.stringify(openRpcDocument(), null, 2)}\n` },
    { file: new URL("protocol.md", DOCS), text: protocolPage(template) },
  ];
}
