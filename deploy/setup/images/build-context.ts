import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

/** One file of a build context or of sources. */
export interface ContextFile {
  readonly path: string;
  readonly mode: number;
  readonly content: Buffer;
}

/** The files of a folder, in the order of their paths. */
export function filesUnder(folder: string, accept: (path: string) => boolean = () => true): ContextFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter(accept)
    .sort()
    .map((path) => {
      const file = join(folder, path);
      const executable = (statSync(file).mode & 0o100) !== 0;
      return { path, mode: executable ? 0o755 : 0o644, content: readFileSync(file) };
    });
}

/** What a content key is made of: path, mode and bytes of every file. */
export function keyParts(files: readonly ContextFile[]): (string | Buffer)[] {
  return files.flatMap((file) => [file.path, file.mode.toString(8), file.content]);
}
