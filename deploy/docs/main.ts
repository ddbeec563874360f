import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { generatedDocuments } from "./documents.ts";

// npm run docs: writes what the schemas of src/shared/protocol say into docs/.
for (const { file, text } of generatedDocuments()) {
  writeFileSync(file, text);
  console.log(`wrote ${fileURLToPath(file)}`);
}
