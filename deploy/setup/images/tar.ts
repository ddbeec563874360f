import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import tar from "tar-stream";
import type { ContextFile } from "./build-context.ts";

/** A part of a build context: files in memory, a file of the host, a folder, or a part of an npm package. */
export type ContextPart =
  | { readonly kind: "files"; readonly files: readonly ContextFile[] }
  | { readonly kind: "file"; readonly path: string; readonly source: string; readonly mode: number }
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "package";
      readonly source: string;
      readonly rename: (path: string) => ContextEntry | undefined;
    };

/** Where a file of a package goes. */
export interface ContextEntry {
  readonly path: string;
  readonly mode: number;
}

/** A tar of all parts as a stream; an error on the way destroys it with that error. */
export function packContext(parts: readonly ContextPart[]): Readable {
  const pack = tar.pack();
  const fill = async () => {
    for (const part of parts) await addPart(pack, part);
    pack.finalize();
  };
  fill().catch((error: Error) => pack.destroy(error));
  return Readable.from(pack, { objectMode: false });
}

const epoch = new Date(0);

async function addPart(pack: tar.Pack, part: ContextPart): Promise<void> {
  switch (part.kind) {
    case "files":
      for (const file of part.files)
        pack.entry({ name: file.path, mode: file.mode, mtime: epoch }, file.content);
      return;
    case "folder":
      pack.entry({ name: part.path, type: "directory", mode: 0o755, mtime: epoch });
      return;
    case "file": {
      const size = statSync(part.source).size;
      const entry = pack.entry({ name: part.path, mode: part.mode, size, mtime: epoch });
      await pipeline(createReadStream(part.source), entry);
      return;
    }
    case "package":
      return await addPackage(pack, part.source, part.rename);
  }
}

/** Copies the wanted files of a .tgz into the context, without unpacking it on the host. */
async function addPackage(
  pack: tar.Pack,
  source: string,
  rename: (path: string) => ContextEntry | undefined,
): Promise<void> {
  const extract = tar.extract();
  const unpacked = pipeline(createReadStream(source), createGunzip(), extract);
  for await (const entry of extract) {
    const target = entry.header.type === "file" ? rename(entry.header.name) : undefined;
    if (target === undefined || entry.header.size === undefined) {
      entry.resume();
      await once(entry, "end").catch(() => undefined);
      continue;
    }
    const out = pack.entry({ name: target.path, mode: target.mode, size: entry.header.size, mtime: epoch });
    await pipeline(entry, out);
  }
  await unpacked;
}
