import { describe, expect, test } from "vitest";
import type { FileResult } from "../src/shared/protocol/executions.ts";
import type { Json } from "./support/client.ts";
import { type Answer, type TestSession, withSession } from "./support/session.ts";

const MIB = 1_048_576;
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

function write(path: string, content: string, more: Json = {}): Json {
  return { type: "write_file", path, content, ...more };
}

function read(path: string, more: Json = {}): Json {
  return { type: "read_file", path, ...more };
}

/** Refused with the operating system's reason, the caller's to mend. */
function expectRefused(answer: Answer<FileResult>, reason: RegExp): void {
  expect(answer).toMatchObject({
    success: false,
    error: expect.stringMatching(reason),
    result: { state: "failed", fault: "caller" },
  });
  expect(answer.result).not.toHaveProperty("content");
}

async function contentOf({ file }: TestSession, path: string): Promise<string | undefined> {
  return (await file(read(path))).result.content;
}

describe("write_file", () => {
  test("Create, the default, creates and replaces; missing folders are made; the answer has path and bytes", () =>
    withSession(async (session) => {
      const answer = await session.file(write("a/new/folder/file.txt", "żółć\n"));
      expect(answer).toMatchObject({
        success: true,
        error: null,
        result: { state: "exited", fault: "none", path: "a/new/folder/file.txt", bytes: 9 },
      });
      await session.file(write("a/new/folder/file.txt", "x"));
      expect(await contentOf(session, "/workspace/a/new/folder/file.txt")).toBe("x");
    }));

  test.each([
    ["Create", "new"],
    ["Overwrite", "new"],
    ["Append", "oldnew"],
  ])("%s of a file that exists", (mode, expected) =>
    withSession(async (session) => {
      await session.file(write("file", "old"));
      expect(await session.file(write("file", "new", { mode }))).toMatchObject({
        success: true,
        result: { bytes: 3 },
      });
      expect(await contentOf(session, "file")).toBe(expected);
    }),
  );

  test.each(["Create", "Overwrite", "Append", "CreateNew"])("%s of one that does not", (mode) =>
    withSession(async (session) => {
      expect(await session.file(write("file", "new", { mode }))).toMatchObject({ success: true });
      expect(await contentOf(session, "file")).toBe("new");
    }),
  );

  test("CreateNew refuses what exists, and leaves it", () =>
    withSession(async (session) => {
      await session.file(write("file", "old"));
      expectRefused(await session.file(write("file", "new", { mode: "CreateNew" })), /file.*exists/i);
      expect(await contentOf(session, "file")).toBe("old");
    }));

  test("with an offset the bytes go there and the rest stays", () =>
    withSession(async (session) => {
      await session.file(write("file", "0123456789"));
      await session.file(write("file", "ab", { offset: 3 }));
      expect(await contentOf(session, "file")).toBe("012ab56789");
      await session.file(write("file", "z", { offset: 12 }));
      expect(await contentOf(session, "file")).toBe("012ab56789\0\0z");
    }));

  test("an empty file", () =>
    withSession(async (session) => {
      expect(await session.file(write("empty", ""))).toMatchObject({ success: true, result: { bytes: 0 } });
      expect((await session.file(read("empty"))).result).toMatchObject({
        content: "",
        bytes: 0,
        truncated: false,
      });
    }));
});

describe("files are bytes", () => {
  test("all 256 byte values, written and read as base64", () =>
    withSession(async (session) => {
      const content = everyByte.toString("base64");
      expect((await session.file(write("all", content, { encoding: "base64" }))).result.bytes).toBe(256);
      const plain = await session.file(read("all"));
      expect(plain.result).toMatchObject({
        encoding: "base64",
        content,
        bytes: 256,
        size: 256,
        truncated: false,
      });
      expect((await session.file(read("all", { encoding: "base64" }))).result.content).toBe(content);
      const { result } = await session.shell(
        "python3 -c \"print(open('all', 'rb').read() == bytes(range(256)))\"",
      );
      expect(result.stdout).toBe("True\n");
    }));

  test("text is read as text, or as base64 when asked; bytes that are no UTF-8 as U+FFFD when text is asked", () =>
    withSession(async (session) => {
      await session.file(write("text", "żółć\r\n\ufeff😀"));
      expect((await session.file(read("text"))).result).toMatchObject({
        encoding: "utf8",
        content: "żółć\r\n\ufeff😀",
      });
      const asBytes = await session.file(read("text", { encoding: "base64" }));
      expect(Buffer.from(asBytes.result.content ?? "", "base64").toString()).toBe("żółć\r\n\ufeff😀");
      await session.file(
        write("bytes", Buffer.from([0x61, 0xff, 0x62]).toString("base64"), { encoding: "base64" }),
      );
      expect((await session.file(read("bytes", { encoding: "utf8" }))).result.content).toBe("a\ufffdb");
    }));

  test("ranges, up to the end and beyond", () =>
    withSession(async (session) => {
      await session.file(write("all", everyByte.toString("base64"), { encoding: "base64" }));
      const range = async (offset: number, length?: number) => {
        const { result } = await session.file(
          read("all", { offset, encoding: "base64", ...(length !== undefined && { length }) }),
        );
        expect(result).toMatchObject({ offset, size: 256 });
        return { bytes: [...Buffer.from(result.content ?? "", "base64")], truncated: result.truncated };
      };
      expect(await range(100, 3)).toEqual({ bytes: [100, 101, 102], truncated: true });
      expect(await range(253)).toEqual({ bytes: [253, 254, 255], truncated: false });
      expect(await range(254, 100)).toEqual({ bytes: [254, 255], truncated: false });
      expect(await range(256)).toEqual({ bytes: [], truncated: false });
      expect(await range(1000)).toEqual({ bytes: [], truncated: false });
      expect(await range(0, 0)).toEqual({ bytes: [], truncated: true });
    }));

  test("a text is read range by range without a broken character", () =>
    withSession(async (session) => {
      const text = "aż€😀".repeat(50);
      await session.file(write("text", text));
      let joined = "";
      for (let offset = 0; ; ) {
        const { result } = await session.file(read("text", { offset, length: 7 }));
        expect(result.encoding).toBe("utf8");
        joined += result.content;
        offset += result.bytes ?? 0;
        if (!result.truncated) break;
        expect(result.bytes).toBeGreaterThan(0);
      }
      expect(joined).toBe(text);
    }));

  test("a read holds at most 1 MiB and says so; the rest comes by offset", () =>
    withSession(async (session) => {
      await session.shell("head -c 1500000 /dev/zero | tr '\\0' a > big; printf end >> big");
      const first = await session.file(read("big"));
      expect(first.result).toMatchObject({ bytes: MIB, size: 1_500_003, offset: 0, truncated: true });
      expect(first.result.content).toBe("a".repeat(MIB));
      const rest = await session.file(read("big", { offset: MIB }));
      expect(rest.result).toMatchObject({ bytes: 1_500_003 - MIB, truncated: false });
      expect(rest.result.content).toBe(`${"a".repeat(1_500_000 - MIB)}end`);
    }));
});

describe("create_directory", () => {
  test("makes it with its parents; one that is there is no error, a file in its place is", () =>
    withSession(async (session) => {
      const make = (path: string) => session.file({ type: "create_directory", path });
      expect(await make("a/b/c")).toMatchObject({ success: true, result: { path: "a/b/c", created: true } });
      expect(await make("a/b/c")).toMatchObject({ success: true, result: { path: "a/b/c", created: false } });
      await session.file(write("file", ""));
      expectRefused(await make("file"), /exists|not a directory/i);
      expectRefused(await make("file/below"), /not a directory/i);
    }));
});

describe("copy_file", () => {
  test("copies the bytes, and replaces unless it is told not to", () =>
    withSession(async (session) => {
      const copy = (source: string, destination: string, more: Json = {}) =>
        session.file({ type: "copy_file", source, destination, ...more });
      await session.file(write("one", everyByte.toString("base64"), { encoding: "base64" }));
      await session.file(write("two", "two"));
      expect(await copy("one", "two")).toMatchObject({
        success: true,
        result: { source: "one", destination: "two", bytes: 256 },
      });
      expect((await session.shell("cmp one two && echo same")).result.stdout).toBe("same\n");
      await session.file(write("three", "three"));
      expectRefused(await copy("one", "three", { overwrite: false }), /exists/i);
      expect(await contentOf(session, "three")).toBe("three");
      expectRefused(await copy("none", "four"), /no such file/i);
      await session.shell("mkdir folder");
      expectRefused(await copy("one", "folder"), /is a directory|exists/i);
    }));

  test("onto itself leaves it whole", () =>
    withSession(async (session) => {
      await session.file(write("one", "content"));
      await session.file({ type: "copy_file", source: "one", destination: "./one" });
      expect(await contentOf(session, "one")).toBe("content");
    }));
});

describe("list_files", () => {
  test("names, types and sizes in order; hidden ones and those below only when asked", () =>
    withSession(async ({ file, shell }) => {
      await shell(
        "mkdir -p b/.hidden-folder; echo 12345 > a; touch .hidden b/c b/.hidden-folder/d; ln -s a link; mkfifo f",
      );
      const list = async (more: Json) => (await file({ type: "list_files", ...more })).result;
      const { entries } = await list({});
      expect(entries).toMatchObject([
        { name: "a", path: "/workspace/a", type: "file", size: 6, mode: "0644" },
        { name: "b", path: "/workspace/b", type: "directory" },
        { name: "f", type: "fifo" },
        { name: "link", type: "symlink", target: "a" },
      ]);
      expect(entries?.[0]?.modifiedAt).toMatch(/^\d{4}-\d\d-\d\dT/);
      const paths = (result: FileResult) =>
        result.entries?.map(({ path }) => path.replace("/workspace/", ""));
      expect(paths(await list({ includeHidden: true }))).toEqual([".hidden", "a", "b", "f", "link"]);
      expect(paths(await list({ recursive: true }))).toEqual(["a", "b", "b/c", "f", "link"]);
      expect(paths(await list({ path: "b", recursive: true, includeHidden: true }))).toEqual([
        "b/.hidden-folder",
        "b/.hidden-folder/d",
        "b/c",
      ]);
    }));

  test("an empty folder, one that is missing, a file", () =>
    withSession(async ({ file }) => {
      expect((await file({ type: "list_files" })).result).toMatchObject({ entries: [], truncated: false });
      expectRefused(await file({ type: "list_files", path: "none" }), /none.*no such file/i);
      await file(write("file", ""));
      expectRefused(await file({ type: "list_files", path: "file" }), /not a directory/i);
    }));
});

describe("what can't be done is refused with the operating system's reason", () => {
  test.each([
    ["reading what is missing", read("none"), /none.*no such file/i],
    ["reading a folder", read("/workspace"), /is a directory/i],
    ["reading below a file", read("/etc/hostname/below"), /not a directory/i],
    ["reading without the right", read("/root/x"), /permission denied/i],
    ["writing to /etc/passwd", write("/etc/passwd", "root::0:0::/:/bin/sh"), /permission denied|read-only/i],
    ["writing to the root", write("/new", ""), /permission denied|read-only/i],
    ["writing to a folder", write("/tmp", ""), /is a directory/i],
    ["writing what is no file", write("/dev/null", "x"), /regular file|invalid/i],
    ["reading what never ends", read("/dev/zero"), /regular file|invalid/i],
    ["a name that is too long", write("n".repeat(300), ""), /name too long/i],
    [
      "a folder without the right",
      { type: "create_directory", path: "/root/x" },
      /permission denied|read-only/i,
    ],
  ])("%s", (_what, command, reason) =>
    withSession(async ({ file }) => {
      expectRefused(await file(command), reason);
    }),
  );

  test("a symlink leads out with the sandbox user's rights and no others", () =>
    withSession(async ({ file, shell }) => {
      await shell("ln -s /root/x secret; ln -s /etc/passwd passwd; ln -s /root root; ln -s loop loop");
      expectRefused(await file(read("secret")), /permission denied/i);
      expectRefused(await file(write("passwd", "x")), /permission denied|read-only/i);
      expectRefused(await file(write("root/x", "x")), /permission denied|read-only/i);
      expectRefused(await file(read("loop")), /symbolic links/i);
    }));

  test("a FIFO does not block, neither to read nor to write nor to copy", () =>
    withSession(async ({ file, shell }) => {
      await shell("mkfifo fifo; touch plain");
      expectRefused(await file(read("fifo")), /regular file|invalid/i);
      expectRefused(await file(write("fifo", "x")), /regular file|invalid|no such device/i);
      expectRefused(
        await file({ type: "copy_file", source: "fifo", destination: "to" }),
        /regular file|invalid/i,
      );
      expectRefused(
        await file({ type: "copy_file", source: "plain", destination: "fifo" }),
        /regular file|invalid|no such device/i,
      );
    }));

  test("no space left: the limit was the disk, and the session works on", () =>
    withSession(
      async ({ file, shell }) => {
        expect((await shell("head -c 100M /dev/zero > full")).result.exitCode).toBe(1);
        const answer = await file(write("more", "x".repeat(100_000)));
        expect(answer).toMatchObject({
          success: false,
          error: expect.stringMatching(/no space left/i),
          result: { state: "failed", fault: "limit", limit: "disk" },
        });
        await shell("rm full");
        expect(await file(write("more", "x".repeat(100_000)))).toMatchObject({ success: true });
      },
      { memoryLimitMB: 64 },
    ));
});
