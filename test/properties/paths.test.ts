import { existsSync } from "node:fs";
import { posix } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { failureOf } from "../support/client.ts";
import { type TestSession, withSession } from "../support/session.ts";

/** Of this run alone, so that it can be told whether anything of it appears on the host. */
const MARK = `paths-${process.pid}-${Date.now()}`;

/** What stands in /workspace before each try, by Python and so by the operating system alone. */
const TREE = [
  "import errno, json, os, shutil, stat, sys",
  "def reset():",
  "    for name in os.listdir('/workspace'):",
  "        path = '/workspace/' + name",
  "        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.remove(path)",
  "    os.makedirs('/workspace/d/e')",
  "    for name in ('f', 'd/f', 'd/e/f', 'ż😀'):",
  "        open('/workspace/' + name, 'w').write('content of ' + name)",
  "    for name, target in (('to-d', 'd'), ('to-f', 'f'), ('loop', 'loop'), ('to-etc', '/etc'),",
  "            ('to-none', 'none'), ('d/up', '..')):",
  "        os.symlink(target, '/workspace/' + name)",
  "    os.mkfifo('/workspace/fifo')",
  "def place(path): return path if path.startswith('/') else '/workspace/' + path",
  "def reason(error): return os.strerror(error.errno)",
  "def kind(mode):",
  "    return 'directory' if stat.S_ISDIR(mode) else 'symlink' if stat.S_ISLNK(mode) else 'file' if stat.S_ISREG(mode) else 'other'",
  "def regular(fd):",
  "    mode = os.fstat(fd).st_mode",
  "    if stat.S_ISDIR(mode): raise IsADirectoryError(errno.EISDIR, '')",
  "    if not stat.S_ISREG(mode): raise OSError(errno.EINVAL, '')",
  "def read(path):",
  "    try:",
  "        fd = os.open(place(path), os.O_RDONLY | os.O_NONBLOCK)",
  "        try:",
  "            regular(fd)",
  "            return {'content': os.read(fd, 1000000).decode()}",
  "        finally: os.close(fd)",
  "    except OSError as error: return {'reason': reason(error)}",
  "def describe(path):",
  "    try:",
  "        info = os.lstat(place(path))",
  "        return {'type': kind(info.st_mode), 'size': info.st_size}",
  "    except OSError as error: return {'reason': reason(error)}",
  "def create(path):",
  "    try:",
  "        fd = os.open(place(path), os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK)",
  "        try: regular(fd)",
  "        finally: os.close(fd)",
  "        return {}",
  "    except OSError as error: return {'reason': reason(error)}",
  "given = json.load(sys.stdin)",
].join("\n");

const part = fc.constantFrom(
  ...["d", "e", "f", "to-d", "to-f", "loop", "to-etc", "to-none", "up", "fifo", "ż😀"],
  ...["..", "..", ".", "", "hostname", " ", "-rf", "*", "a\nb", "\\", "~", "$HOME", MARK],
  ...["n".repeat(255), "n".repeat(256), "€".repeat(85), "€".repeat(86)],
);
const start = fc.constantFrom("", "", "", "/", "//", "/workspace/", "./", "../workspace/", "/tmp/", "/root/");
const end = fc.constantFrom("", "", "", "/", "/.", "//", "/..");
const path = fc
  .oneof(
    { weight: 12, arbitrary: fc.tuple(start, fc.array(part, { minLength: 1, maxLength: 5 }), end) },
    {
      weight: 1,
      arbitrary: fc.tuple(
        start,
        fc.integer({ min: 1, max: 900 }).map((n) => Array(n).fill("d/..")),
        end,
      ),
    },
  )
  .map(([start, parts, end]) => `${start}${parts.join("/")}${end}`)
  .filter((path) => path.length > 0 && path.length <= 4096);

const Seen = z.object({
  reason: z.string().optional(),
  content: z.string().optional(),
  type: z.string().optional(),
  size: z.number().optional(),
});

/** Runs a line of Python behind TREE; `given` is what it has for input, the answer what it prints. */
async function python({ program }: TestSession, line: string, given: unknown): Promise<unknown> {
  const args = ["-c", `${TREE}\nprint(json.dumps(${line}))`];
  const { result } = await program({
    type: "execute_shell",
    commandName: "python3",
    args,
    stdin: JSON.stringify(given),
  });
  if (result.exitCode !== 0) throw new Error(result.stderr);
  return JSON.parse(result.stdout);
}

/** EINVAL stands for what is neither a file nor a folder, and then the answer says so itself. */
function expectReason(error: string | null, reason: string): void {
  const said = (error ?? "").toLowerCase();
  if (reason === "Invalid argument" || reason === "No such device or address") {
    expect(said).toMatch(/regular file|invalid/);
  } else expect(said).toContain(reason.toLowerCase());
}

test("read_file and stat_file answer what the operating system says, for any path", () =>
  withSession(async (session) => {
    await python(session, "reset()", null);
    await fc.assert(
      fc.asyncProperty(fc.array(path, { minLength: 1, maxLength: 8 }), async (paths) => {
        const answer = await python(session, "[[read(path), describe(path)] for path in given]", paths);
        const seen = z.array(z.tuple([Seen, Seen])).parse(answer);
        const asked = await Promise.all(
          paths.map((path) =>
            Promise.all([
              session.file({ type: "read_file", path }),
              session.file({ type: "stat_file", path }),
            ]),
          ),
        );
        for (const [index, [read, described]] of asked.entries()) {
          const [content, entry] = seen[index] ?? [];
          if (content?.reason !== undefined) {
            expect(read).toMatchObject({ success: false, result: { state: "failed", fault: "caller" } });
            expectReason(read.error, content.reason);
          } else expect(read).toMatchObject({ success: true, result: { content: content?.content } });
          if (entry?.reason !== undefined) {
            expect(described).toMatchObject({ success: false, result: { state: "failed", fault: "caller" } });
            expectReason(described.error, entry.reason);
          } else {
            expect(described.success).toBe(true);
            if (entry?.type !== "other") expect(described.result).toMatchObject({ ...entry });
          }
        }
      }),
      { numRuns: 30 },
    );
  }));

test("write_file writes where the operating system would, or is refused as there, and touches nothing else", () =>
  withSession(async (session) => {
    await fc.assert(
      fc.asyncProperty(path, fc.string({ maxLength: 20 }), async (path, text) => {
        const content = text.replaceAll("\0", "0");
        const expected = Seen.parse(await python(session, "[reset(), create(given), reset()][1]", path));
        const written = await session.file({ type: "write_file", path, content });
        const [found, others] = z
          .tuple([Seen, z.array(Seen)])
          .parse(
            await python(session, "[read(given), [read(n) for n in ('f', 'd/f', 'd/e/f', 'ż😀')]]", path),
          );
        if (written.success) expect(found.content).toBe(content);
        else expect(written.result).toMatchObject({ state: "failed", fault: "caller" });
        // A missing folder is made, where the path leads through one.
        if (expected.reason === undefined) expect(written.success).toBe(true);
        else if (expected.reason !== "No such file or directory") {
          expect(written.success).toBe(false);
          expectReason(written.error, expected.reason);
        }
        const changed = ["f", "d/f", "d/e/f", "ż😀"].filter(
          (name, index) => others[index]?.content !== `content of ${name}`,
        );
        expect(changed.length).toBeLessThanOrEqual(written.success ? 1 : 0);
        const onHost = posix.resolve("/workspace", path);
        if (onHost.includes(MARK)) expect(existsSync(onHost)).toBe(false);
      }),
      { numRuns: 40 },
    );
    expect((await session.shell("echo usable")).result.stdout).toBe("usable\n");
  }));

test("a folder that is missing is made where the path leads, also through a link", () =>
  withSession(async (session) => {
    await python(session, "reset()", null);
    for (const path of ["to-d/new/file", "d/up/beside/file", "d/e/../under/file", "x/./y//file"]) {
      expect(await session.file({ type: "write_file", path, content: path })).toMatchObject({
        success: true,
      });
      expect(await python(session, "read(given)", path)).toEqual({ content: path });
    }
    const through = { type: "write_file", path: "d/e/up-e/../beside-e/file", content: "x" };
    await session.shell("mkdir -p /tmp/elsewhere/in && ln -s /tmp/elsewhere/in d/e/up-e");
    expect(await session.file(through)).toMatchObject({ success: true });
    expect((await session.shell("cat /tmp/elsewhere/beside-e/file")).result.stdout).toBe("x");
  }));

test("what no path can be is refused by name", () =>
  withSession(async ({ file }) => {
    for (const path of ["", "a\0b", "x".repeat(4097)]) {
      expect(await failureOf(file({ type: "read_file", path }))).toMatchObject({
        data: { code: "INVALID_PARAMS", issues: [{ path: "command.path" }] },
      });
    }
  }));
